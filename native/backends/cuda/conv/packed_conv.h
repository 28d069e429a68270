// A convolution with weights that are packed on the device: the forward of a layer, in inference and training, or, of
// transposed weights, the gradient of its input.
#pragma once

#include "native/backends/cuda/conv/choice.h"
#include "native/backends/cuda/runtime/device.h"

namespace facenet::cuda {

class PackedConv {
 public:
  PackedConv(const ConvProblem& problem, const Device& device);

  // What pack() fills: a multiple of 256, as the address it is given.
  int64_t packedBytes() const { return slopeOffset_ + (problem_.slope ? channelBytes() : 0); }

  // fp32 on the device; bias and slope, one per output channel, where the problem has them.
  struct Stored {
    const float *weight, *bias = nullptr, *slope = nullptr;
    float factor = 1;  // multiplies weights and bias
  };
  void pack(const Stored& stored, void* packed, cudaStream_t stream) const;

  // Each of `to` is activation(convolution of x + bias + residual). A residual without data is none; it may be the
  // result itself.
  struct Call {
    const void* packed;
    View x;
    std::vector<ConvDestination> to;
    View residual;
    void* scratch;  // scratchBytes(x.count)
  };
  void launch(const Call& call, cudaStream_t stream) const;

  int64_t scratchBytes(int64_t count) const;
  std::string describe() const { return cuda::describe(problem_, device_); }

 private:
  bool is(ConvConfig::Kernel kernel) const { return config_.kernel == kernel; }
  int64_t biasGroups() const { return is(ConvConfig::Kernel::depthwise) ? 1 : problem_.groups; }
  int64_t channelBytes() const;  // of bias or slope
  int64_t weightBytes() const;
  StemLayout stemLayout() const;
  const float* biasOf(const void* packed) const;
  const float* slopeOf(const void* packed) const;

  void packTerms(const Stored& stored, void* to, cudaStream_t stream) const;
  ConvCall productOf(const Call& call) const;

  ConvProblem problem_;
  ConvDevice device_;
  ConvConfig config_;  // its tile and scratch are of one image
  int64_t biasOffset_, slopeOffset_;
};

// The call's scratch has config.scratchBytes; kernel exact or mma.
void launchProduct(const ConvConfig& config, const ConvCall& call, cudaStream_t stream);

}  // namespace facenet::cuda
