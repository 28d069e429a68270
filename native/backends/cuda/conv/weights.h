// Weights of convolutions and fully connected layers as the columns of a product (cuda/conv2d/common/conv2d.cuh):
// folded and packed on the host, uploaded once.
#pragma once

#include "cuda/conv2d/common/conv2d.cuh"
#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/graph/weights.h"
#include "native/ops/conv2d.h"
#include "native/ops/fully_connected.h"

namespace facenet::cuda {

struct PackedColumns {
  DType dtype = DType::f32;
  int64_t groups = 1, columns = 0, tapTerms = 0, rowTerms = 0;
  std::vector<char> weight;           // groups x columns x rowTerms
  std::vector<float> bias, slope;     // groups x columns; slope empty where no part is prelu
  std::vector<int64_t> firstColumns;  // of each part
};

// `inChannels`: of all groups.
PackedColumns packConv(const Conv2d& op, int64_t inChannels, DType dtype, const Weights& weights,
                       const std::string& layer);

// A window that covers the image: taps are its pixels.
PackedColumns packFullyConnected(const FullyConnected& op, const Shape& in, DType dtype,
                                 const Weights& weights, const std::string& layer);

// The same on the device.
class DeviceColumns {
 public:
  explicit DeviceColumns(const PackedColumns& packed);

  ConvWeights weights() const;
  int64_t firstColumn(size_t part) const { return firstColumns_[part]; }
  int64_t bytes() const;

 private:
  DeviceBuffer<char> weight_;
  DeviceBuffer<float> bias_, slope_;
  ConvWeights shape_;
  std::vector<int64_t> firstColumns_;
};

}  // namespace facenet::cuda
