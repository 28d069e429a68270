// Functions of one value at a time that have no tensors: sigmoid, hard_swish, ... Their formulas and derivatives stand
// once, in pointwise.inc, for all backends.
// Backward: dx = dy f'(x).
//
// A function needs its name here, its attributes in `read`, its formula and derivative there.
#pragma once

#include <cmath>

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Pointwise {
  // In the order of kNames.
  enum class Function : uint8_t { sigmoid, hardSwish };
  Function function = Function::sigmoid;
  float a = 0, b = 0;  // the function's parameters, as its formula says

  static constexpr const char* kNames[] = {"sigmoid", "hard_swish"};
  static constexpr bool kHasGradient = true;
  static Pointwise read(const NodeFields& node) {
    Pointwise op;
    op.function = static_cast<Function>(std::ranges::find(kNames, node.op) - std::begin(kNames));
    return op;
  }
  std::string name() const { return kNames[static_cast<int>(function)]; }
  Shape infer(const Inputs& inputs) const { return inputs.only(); }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
