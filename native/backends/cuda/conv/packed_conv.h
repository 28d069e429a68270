// A convolution as training on CUDA launches it: one of the forward kernels, with weights that are packed on the
// device. It is the forward of a layer or, of turned weights, the gradient of its input.
#pragma once

#include <memory>

#include "cuda/conv2d/common/conv2d.cuh"
#include "cuda/conv2d/common/pack_weights.cuh"
#include "native/backends/cuda/runtime/device.h"

namespace facenet::cuda {

// The layer's stored weights, and which of them make up the convolution (cuda/conv2d/common/pack_weights.cuh).
struct WeightOrder {
  int64_t outChannels = 0, inChannels = 0;  // of the layer, all groups
  int64_t kernelHeight = 1, kernelWidth = 1;
  bool turned = false;
  TapRun tapsDown, tapsAcross;
};

struct ConvShape {
  Window window;
  int64_t groups = 1;
  Shape in, out;  // of what is convolved, and of the result
  WeightOrder order;
  bool bias = false;
  DType inType = DType::f32;      // of what is convolved
  DType weightType = DType::f32;  // of the plan
};

class PackedConv {
 public:
  virtual ~PackedConv() = default;

  // What pack() fills: a multiple of 256, as the address it is given.
  int64_t packedBytes() const { return biasOffset() + biasBytes_; }
  // The layer's weights and bias on the device, both times `factor`.
  void pack(const float* weight, const float* bias, float factor, void* packed, cudaStream_t stream) const;

  // y = activation(convolution of x + bias + residual). A residual without data is none; it may be y itself.
  struct Call {
    const void* packed;
    View x, y;
    Activation::Kind activation;
    View residual;
    void* scratch;  // scratchBytes(x.count)
  };
  virtual void launch(const Call& call, cudaStream_t stream) const = 0;
  virtual int64_t scratchBytes(int64_t /*count*/) const { return 0; }
  virtual std::string describe() const = 0;

 protected:
  // The bias has `columns` values for each of `biasGroups`.
  PackedConv(const ConvShape& shape, int64_t biasGroups, int64_t columns);

  virtual int64_t weightBytes() const = 0;
  virtual void packTerms(const float* weight, float factor, void* to, cudaStream_t stream) const = 0;

  const float* biasOf(const void* packed) const;

  ConvShape shape_;
  int64_t columns_;

 private:
  int64_t biasOffset() const;

  int64_t biasGroups_, biasBytes_;
};

// Whether there is a group a channel of the layer's input.
inline bool isDepthwise(int64_t groups, int64_t inChannels) {
  return groups > 1 && groups == inChannels;
}

// Where the layer is depthwise, the convolution has as many results as inputs, or is not turned.
std::unique_ptr<PackedConv> makePackedConv(const ConvShape& shape, const Device& device);

}  // namespace facenet::cuda
