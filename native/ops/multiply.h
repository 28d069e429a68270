// multiply: y = a b, value by value; where b has one pixel, it is a factor for each channel of a (squeeze-and-excitation).
// Backward: da = dy b;  db = dy a, summed over the pixels where b has one.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Multiply {
  static constexpr const char* kNames[] = {"multiply"};
  static constexpr bool kHasGradient = true;
  static Multiply read(const NodeFields&) { return {}; }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    inputs.requireCount(2);
    const Shape &a = inputs[0], &b = inputs[1];
    inputs.require(a == b || b == Shape{1, 1, a.channels},
                   "two inputs of one shape, or a second of one pixel", toString(a) + " and " + toString(b));
    return a;
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
