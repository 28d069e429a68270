// Images on their way to the device: while one chunk is computed, the next one comes.
#pragma once

#include <memory>

#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/backends/cuda/runtime/pinned_buffer.h"
#include "native/backends/cuda/runtime/stream.h"
#include "native/core/thread_pool.h"

namespace facenet::cuda {

// Two buffers on the device, with as much pinned memory beside them, that grow with the largest chunk. They
// belong to the device that is current when a method is called.
class ImageUpload {
 public:
  // `threads` copy to pinned memory.
  explicit ImageUpload(int threads);
  ~ImageUpload();

  // `bytes` of the host's memory, which is free again when the call returns, on the device. What is put on
  // `compute` before the next call finds them there.
  const void* stage(const void* images, int64_t bytes, const Stream& compute);
  // Which of the two buffers they are in.
  int slot() const { return current_; }

 private:
  struct Slot {
    explicit Slot(int64_t bytes) : device(bytes), pinned(bytes) {}
    DeviceBuffer<char> device;
    PinnedBuffer pinned;
    Event uploaded, used;
  };

  Stream stream_;
  ThreadPool copiers_;
  std::unique_ptr<Slot> slots_[2];
  int current_ = 0;
};

}  // namespace facenet::cuda
