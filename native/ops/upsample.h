// upsample: each pixel becomes factor x factor equal ones: y[i, j] = x[i / factor, j / factor], rounded down.
// Backward: dx is the sum of dy over the factor x factor pixels made of x.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Upsample {
  int64_t factor = 2;

  static constexpr const char* kNames[] = {"upsample"};
  static constexpr bool kHasGradient = true;
  static Upsample read(const NodeFields& node) { return {node.attributes.integer("factor", 1)}; }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    const Shape& in = inputs.only();
    inputs.requireRange("a factor", factor, 1, kMaxExtent);
    return inputs.checked({in.height * factor, in.width * factor, in.channels});
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
