// Device memory that is freed with its scope.
#pragma once

#include <cstdint>
#include <utility>

#include "cuda/common/check.h"

namespace facenet::cuda {

// From memory that need not be pinned. The copy is there when the call returns: cudaMemcpy alone may return when
// the driver has taken the values, before streams that do not wait for the null stream can see them.
inline void copyToDevice(void* to, const void* host, size_t bytes) {
  FACENET_CUDA_CHECK(cudaMemcpy(to, host, bytes, cudaMemcpyHostToDevice));
  FACENET_CUDA_CHECK(cudaStreamSynchronize(nullptr));
}

template <class T>
class DeviceBuffer {
 public:
  explicit DeviceBuffer(int64_t count) : count_(count) {
    FACENET_CUDA_CHECK(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()));
  }
  ~DeviceBuffer() { cudaFree(data_); }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }

  T* data() const { return data_; }
  int64_t count() const { return count_; }
  size_t bytes() const { return static_cast<size_t>(count_) * sizeof(T); }

  void copyFrom(const T* host) { copyToDevice(data_, host, bytes()); }
  void copyTo(T* host) const { FACENET_CUDA_CHECK(cudaMemcpy(host, data_, bytes(), cudaMemcpyDeviceToHost)); }

 private:
  T* data_ = nullptr;
  int64_t count_ = 0;
};

}  // namespace facenet::cuda
