// The gradient of a convolution's input on CUDA (ops/conv2d.h).
#pragma once

#include <memory>

#include "cuda/conv2d/data_gradient/data_gradient.cuh"
#include "native/backends/cuda/conv/packed_conv.h"

namespace facenet::cuda {

// The layer: its window, groups, input and output, the type of the output's gradient and that of products.
struct GradientShape {
  Window window;
  int64_t groups = 1;
  Shape x, y;
  DType gradientType = DType::f32, weightType = DType::f32;
};

class ConvDataGradient {
 public:
  virtual ~ConvDataGradient() = default;

  // What pack() fills: a multiple of 256, as the address it is given. `weight`: the layer's, on the device.
  virtual int64_t packedBytes() const = 0;
  virtual void pack(const float* weight, void* packed, cudaStream_t stream) const = 0;

  // dx, or what is added to it with `accumulate`, from the gradient g before the activation.
  struct Call {
    const void* packed;
    View g, dx;
    bool accumulate;
    void* scratch;  // scratchBytes(g.count)
  };
  virtual void launch(const Call& call, cudaStream_t stream) const = 0;
  virtual int64_t scratchBytes(int64_t count) const = 0;
  virtual std::string describe() const = 0;
};

std::unique_ptr<ConvDataGradient> makeConvDataGradient(const GradientShape& shape, const Device& device);

}  // namespace facenet::cuda
