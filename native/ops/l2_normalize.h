// l2_normalize: y = x / max(||x||_2, epsilon) over all elements of an image. The paper's ||f(x)||_2 = 1.
// Backward: dx = (dy - x (x . dy) / ||x||^2) / ||x||;  below epsilon dx = dy / epsilon.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct L2Normalize {
  float epsilon = 1e-12f;

  static constexpr const char* kNames[] = {"l2_normalize"};
  static constexpr bool kHasGradient = true;
  static L2Normalize read(const NodeFields& node) {
    const L2Normalize op{node.attributes.realOr("epsilon", 1e-12f)};
    if (op.epsilon < 0) throw node.attributes.wrong("epsilon", "a number of at least 0");
    return op;
  }
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
