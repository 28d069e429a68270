// fully_connected: y[o] = sum over i of x[i] * w[o, i] + b[o], input flattened in C, H, W order (Caffe,
// PyTorch, ONNX) or H, W, C order (TensorFlow). Weights are stored out x in. With maxout p > 1 (in the
// epilogue): y[j] = max over i < p of (Wx + b)[j * p + i]; the activation comes after the maximum.
//
// Backward: dx[i] = sum over o of dy[o] w[o, i];  dw[o, i] = sum over images of dy[o] x[i];  db[o] = sum of dy[o].
// With maxout dy[j] goes to the o that was largest, others get 0.
#pragma once

#include <vector>

#include "native/ops/activation.h"
#include "native/ops/norm.h"

namespace facenet {

struct FullyConnected {
  std::string weight;
  std::string bias;         // empty: none
  std::vector<Norm> norms;  // folded into weight and bias
  int64_t outFeatures = 0;  // before maxout
  int64_t maxout = 1;
  bool channelsFirst = true;
  Activation activation;

  static constexpr const char* kNames[] = {"fully_connected"};
  static constexpr bool kHasGradient = true;
  static FullyConnected read(const NodeFields& node);
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const;
  OpTensors tensors(const Shape& in) const;
  int64_t multiplyAdds(const Shape& in, const Shape&) const { return outFeatures * in.elements(); }
};

}  // namespace facenet
