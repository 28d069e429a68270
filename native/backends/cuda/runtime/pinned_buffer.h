// Host memory that the device copies from and to while the host goes on.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/common/check.h"

namespace facenet::cuda {

class PinnedBuffer {
 public:
  explicit PinnedBuffer(int64_t bytes) : bytes_(bytes) {
    FACENET_CUDA_CHECK(
        cudaHostAlloc(&data_, static_cast<size_t>(std::max<int64_t>(bytes, 1)), cudaHostAllocDefault));
  }
  ~PinnedBuffer() { cudaFreeHost(data_); }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;

  unsigned char* data() const { return static_cast<unsigned char*>(data_); }
  int64_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  int64_t bytes_;
};

}  // namespace facenet::cuda
