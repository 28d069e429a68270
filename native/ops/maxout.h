// maxout: y[j] = max over i < pieces of x[j * pieces + i]; channels must be a multiple of pieces.
// Backward: dy goes to the largest of the pieces.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Maxout {
  int64_t pieces = 2;

  static constexpr const char* kNames[] = {"maxout"};
  static constexpr bool kHasGradient = true;
  static Maxout read(const NodeFields& node) { return {node.attributes.integer("pieces", 1)}; }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    const Shape& in = inputs.only();
    inputs.requireRange("pieces", pieces, 1, kMaxChannels);
    inputs.require(in.channels % pieces == 0, text("channels divisible by ", pieces, " pieces"),
                   text(in.channels));
    return {in.height, in.width, in.channels / pieces};
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
