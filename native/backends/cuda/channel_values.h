// Values of a layer, one per channel, on the device.
#pragma once

#include <vector>

#include "cuda/common/channel_padding.h"
#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/core/integers.h"

namespace facenet::cuda {

// Kernels read them by 16 bytes, so they are padded with zeros. None: nothing is allocated.
class ChannelValues {
 public:
  ChannelValues() : values_(0) {}
  explicit ChannelValues(std::vector<float> values) : values_(padded(static_cast<int64_t>(values.size()))) {
    values.resize(static_cast<size_t>(values_.count()), 0.f);
    values_.copyFrom(values.data());
  }

  const float* data() const { return values_.data(); }
  int64_t bytes() const { return static_cast<int64_t>(values_.bytes()); }

 private:
  static int64_t padded(int64_t count) { return roundUp(count, kChannelPadding); }
  DeviceBuffer<float> values_;
};

}  // namespace facenet::cuda
