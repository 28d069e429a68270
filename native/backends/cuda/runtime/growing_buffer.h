// Device memory that is kept from one use to the next and grows where more is wanted.
#pragma once

#include "native/backends/cuda/runtime/device_buffer.h"

namespace facenet::cuda {

template <class T>
class GrowingBuffer {
 public:
  // Room for `count` elements, whose values are lost where it has to grow.
  T* reserve(int64_t count) {
    if (count > buffer_.count()) {
      buffer_ = DeviceBuffer<T>(0);  // frees the old one first
      buffer_ = DeviceBuffer<T>(count);
    }
    return buffer_.data();
  }
  T* data() const { return buffer_.data(); }
  int64_t bytes() const { return static_cast<int64_t>(buffer_.bytes()); }

 private:
  DeviceBuffer<T> buffer_{0};
};

}  // namespace facenet::cuda
