// add: y = activation(a + factor * b), same shapes. Inception-ResNet's scaled residual.
// Backward, with dy after the activation: da = dy,  db = factor dy.
#pragma once

#include "native/ops/activation.h"

namespace facenet {

struct Add {
  float factor = 1;
  Activation activation;

  static constexpr const char* kNames[] = {"add"};
  static constexpr bool kHasGradient = true;
  static Add read(const NodeFields& node) { return {node.attributes.realOr("factor", 1), {}}; }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    inputs.requireCount(2);
    inputs.require(inputs[0] == inputs[1], "two inputs of one shape",
                   toString(inputs[0]) + " and " + toString(inputs[1]));
    inputs.require(std::isfinite(factor), "a finite factor", text(factor));
    return inputs[0];
  }
  OpTensors tensors(const Shape& in) const { return activation.tensors(in); }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
