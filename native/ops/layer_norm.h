// layer_norm: y = (x - mean) / sqrt(variance + epsilon), with the mean and the biased variance of a pixel over its
// channels. A scale and a shift are an affine behind it.
// Backward, with C channels: dx = (dy - sum dy / C - y sum(dy y) / C) / sqrt(variance + epsilon).
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct LayerNorm {
  float epsilon = 1e-5f;

  static constexpr const char* kNames[] = {"layer_norm"};
  static constexpr bool kHasGradient = true;
  static LayerNorm read(const NodeFields& node) { return {node.attributes.real("epsilon")}; }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    const Shape& in = inputs.only();
    inputs.require(std::isfinite(epsilon) && epsilon > 0, "a finite epsilon > 0", text(epsilon));
    return in;
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
