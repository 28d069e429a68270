// What inference makes of a conv2d or a fully connected layer: a convolution whose weights are folded on the host and
// packed on the device, once.
#pragma once

#include "native/backends/cuda/conv/packed_conv.h"
#include "native/backends/cuda/kernels.h"
#include "native/backends/cuda/runtime/device_buffer.h"

namespace facenet::cuda {

// Weights with norms and factors folded in, in their stored order. Each sibling convolution begins at a multiple of
// kColumnAlignment output channels, with zeros before it.
struct FoldedLayer {
  std::vector<float> weight, bias, slope;  // slope: empty where no part is a prelu
  std::vector<int64_t> firstChannels;
  std::vector<Activation::Kind> activations;
  int64_t outChannels = 0;

  // `results`: of the part, after maxout.
  void add(const FoldedWeights& part, const Activation& activation, int64_t results,
           const StepContext& context);
};

class LayerKernel final : public DeviceKernel {
 public:
  // `layer` says the problem's output channels, bias and slope. `residual`: input 1 of the step is added.
  LayerKernel(const ConvProblem& problem, FoldedLayer layer, bool residual, const Device& device);

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
              cudaStream_t stream) const override;
  int64_t scratchBytes(int64_t count) const override { return conv_.scratchBytes(count); }
  int64_t weightBytes() const override { return packed_.count(); }
  std::string describe() const override { return conv_.describe(); }

 private:
  PackedConv conv_;
  DeviceBuffer<char> packed_;
  std::vector<int64_t> firstChannels_;
  std::vector<Activation::Kind> activations_;
  bool residual_;
};

}  // namespace facenet::cuda
