// Threads that run the same code together, and share the parts of one piece of work after the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>

namespace facenet {

class Team {
 public:
  // `cancelled` (may be null) is read at each meeting; when it is not zero, share() throws ERR_FACENET_ABORTED.
  explicit Team(int size, const std::atomic<int32_t>* cancelled = nullptr)
      : size_(size), cancelled_(cancelled) {}
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return size_; }

  // All threads of the team call it alike: work(item) for each item in [0, items), on whichever thread is free. Returns
  // when all are done, and what they have written is seen by all. Where one has thrown, throws the first exception
  // on every thread.
  template <class Work>
  void share(int64_t items, Work&& work) {
    if (size_ == 1) {
      for (int64_t item = 0; item < items; ++item) work(item);
      return;
    }
    for (int64_t item = next_.fetch_add(1); item < items; item = next_.fetch_add(1)) {
      try {
        work(item);
      } catch (...) {
        fail();
        break;
      }
    }
    meet();
  }

  // For a thread that ends with an exception between two calls of share(): the others throw it too at their next
  // meeting, and do not wait for this one.
  void quit();

 private:
  void fail();
  void meet();
  void release();

  int size_;
  const std::atomic<int32_t>* cancelled_;
  std::atomic<int64_t> next_{0};
  std::atomic<uint32_t> round_{0};  // meetings that have ended
  std::mutex mutex_;                // guards what follows
  int arrived_ = 0, gone_ = 0;
  std::exception_ptr failure_;
};

}  // namespace facenet
