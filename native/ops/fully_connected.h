// fully_connected: y[o] = sum over i of x[i] * w[o, i] + b[o], input flattened in C, H, W order (Caffe,
// PyTorch, ONNX) or H, W, C order (TensorFlow). Weights are stored out x in. With maxout p > 1 (in the
// epilogue): y[j] = max over i < p of (Wx + b)[j * p + i]; the activation comes after the maximum.
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
};

}  // namespace facenet
