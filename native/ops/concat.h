// concat: along channels. Where the planner can, producers write into their slice and no step is left.
// Backward: dx is its slice of dy.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Concat {
  static constexpr const char* kNames[] = {"concat"};
  static constexpr bool kHasGradient = true;
  static Concat read(const NodeFields&) { return {}; }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    Shape out{inputs[0].height, inputs[0].width, 0};
    for (const Shape& in : inputs.shapes) {
      inputs.require(in.height == out.height && in.width == out.width,
                     text("inputs of ", out.height, "x", out.width, " pixels like the first"), toString(in));
      out.channels += in.channels;
    }
    return inputs.checked(out);
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
