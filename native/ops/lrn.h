// lrn: local response normalisation across channels.
//   y[c] = x[c] / n[c]^beta,  n[c] = bias + a * sum over c' in [c - (size-1)/2, c + size/2] of x[c']^2
// where a = alpha (TensorFlow: alpha per element) or alpha / size (Caffe, Torch, ONNX: alpha per window).
//
// Backward: dx[c] = dy[c] n[c]^-beta - 2 a beta x[c] * sum of dy[e] x[e] n[e]^(-beta - 1) over the channels e whose
// window holds c.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Lrn {
  int64_t size = 5;  // >= 1
  float alpha = 1e-4f, beta = 0.75f, bias = 1;
  bool alphaPerWindow = true;
  float alphaPerElement() const { return alphaPerWindow ? alpha / static_cast<float>(size) : alpha; }

  static constexpr const char* kNames[] = {"lrn"};
  static constexpr bool kHasGradient = true;
  static Lrn read(const NodeFields& node) {
    const Attributes& a = node.attributes;
    const bool perWindow = a.oneOf<bool, 2>("alphaPer", {{"element", false}, {"window", true}});
    return {a.integer("size", 1), a.real("alpha"), a.real("beta"), a.real("bias"), perWindow};
  }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    const Shape& in = inputs.only();
    inputs.requireRange("a size", size, 1, kMaxChannels);
    inputs.require(std::isfinite(alpha) && alpha >= 0, "a finite alpha >= 0", text(alpha));
    inputs.require(std::isfinite(beta), "a finite beta", text(beta));
    inputs.require(std::isfinite(bias) && bias > 0, "a finite bias > 0", text(bias));
    return in;
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
