// A fixed set of threads that share the items of one job at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace facenet {

// Worker threads give way to the event loop's thread, so that a timer or a request is served while a batch is
// embedded. For the calling thread, from then on.
void yieldToEventLoop();

class ThreadPool {
 public:
  // Throws ERR_FACENET_INTERNAL where the system gives fewer threads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }

  // Calls work(item, thread) for each item in [0, items), thread in [0, size()), and returns when all are
  // done. Rethrows the first exception; items not started by then are skipped. One job at a time: callers
  // wait for each other.
  void run(int64_t items, const std::function<void(int64_t item, int thread)>& work);

 private:
  void loop(int thread);
  void stop();

  std::vector<std::thread> threads_;
  std::mutex jobMutex_;  // held by the caller whose job runs
  std::mutex mutex_;     // guards what follows
  std::condition_variable wake_, done_;
  const std::function<void(int64_t, int)>* work_ = nullptr;
  int64_t next_ = 0, items_ = 0;
  int busy_ = 0;
  std::exception_ptr failure_;
  bool stopping_ = false;
};

}  // namespace facenet
