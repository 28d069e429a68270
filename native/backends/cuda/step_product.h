// The product behind a convolution or a fully connected layer: its weights on the device, and which kernel
// multiplies by them.
#pragma once

#include "native/backends/cuda/conv/product_route.h"
#include "native/backends/cuda/conv/weights.h"
#include "native/backends/cuda/runtime/device.h"
#include "native/graph/plan.h"

namespace facenet::cuda {

class StepProduct {
 public:
  // `in` and `out`: the step's input, and any of its outputs. Weights are packed in the type they are multiplied
  // in.
  StepProduct(const PackedColumns& packed, const Window& window, const PlannedTensor& in, const Shape& out,
              int64_t maxout, const Device& device);

  // A destination for each part; `residual` may have no data. `scratch` has scratchBytes(x.count) bytes.
  void launch(const View& x, const std::vector<View>& to, const std::vector<Activation::Kind>& activations,
              const View& residual, void* scratch, cudaStream_t stream) const;

  int64_t scratchBytes(int64_t count) const { return route_.scratchBytes(count); }
  int64_t weightBytes() const { return columns_.bytes(); }
  std::string describe() const { return route_.describe(); }

 private:
  DeviceColumns columns_;
  Window window_;
  int64_t maxout_;
  ProductRoute route_;
};

}  // namespace facenet::cuda
