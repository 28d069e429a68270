// Values that an error leaves as they were.
#pragma once

#include <utility>

#include "native/backends/training_backend.h"

namespace facenet::train {

// Puts values back as they were, unless it is told that they are to stay as they are by then.
class PutBack {
 public:
  // `room`: as much memory as the values take.
  PutBack(const TrainingBackend& backend, void* values, void* room, int64_t bytes)
      : backend_(backend), values_(values), before_(room), bytes_(bytes) {
    backend_.copy(before_, values_, bytes_);
  }
  ~PutBack() {
    if (kept_) return;
    try {
      backend_.copy(values_, before_, bytes_);
    } catch (const Error&) {
      // The device is lost, and every later call says so.
    }
  }
  PutBack(PutBack&& other) noexcept
      : backend_(other.backend_),
        values_(other.values_),
        before_(other.before_),
        bytes_(other.bytes_),
        kept_(std::exchange(other.kept_, true)) {}
  PutBack& operator=(PutBack&&) = delete;
  void keep() { kept_ = true; }

 private:
  const TrainingBackend& backend_;
  void *values_, *before_;
  int64_t bytes_;
  bool kept_ = false;
};

}  // namespace facenet::train
