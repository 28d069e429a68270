// maximum, minimum: y = the larger or the smaller of a and b, value by value, which have one shape.
// Backward: dy goes to the one that y is; where they are equal, to a.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Extremum {
  bool largest = true;

  static constexpr const char* kNames[] = {"maximum", "minimum"};
  static constexpr bool kHasGradient = true;
  static Extremum read(const NodeFields& node) { return {node.op == kNames[0]}; }
  std::string name() const { return kNames[largest ? 0 : 1]; }
  Shape infer(const Inputs& inputs) const {
    inputs.requireCount(2);
    inputs.require(inputs[0] == inputs[1], "two inputs of one shape",
                   toString(inputs[0]) + " and " + toString(inputs[1]));
    return inputs[0];
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
