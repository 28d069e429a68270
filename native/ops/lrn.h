// lrn: local response normalisation across channels.
//   y[c] = x[c] / (bias + a * sum over c' in [c - (size-1)/2, c + size/2] of x[c']^2)^beta
// where a = alpha (TensorFlow: alpha per element) or alpha / size (Caffe, Torch, ONNX: alpha per window).
#pragma once

#include "native/core/shape.h"

namespace facenet {

struct Lrn {
  int64_t size = 5;  // >= 1
  float alpha = 1e-4f, beta = 0.75f, bias = 1;
  bool alphaPerWindow = true;
  float alphaPerElement() const { return alphaPerWindow ? alpha / static_cast<float>(size) : alpha; }
};

}  // namespace facenet
