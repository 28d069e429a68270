// Functions of one value at a time that have no tensors: sigmoid, hard_swish, ... Their formulas and derivatives stand
// once, in pointwise.inc, for all backends.
// Backward: dx = dy f'(x).
//
// A function needs its name here, its attributes in `read`, its formula and derivative there.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Pointwise {
  // In the order of kNames.
  enum class Function : uint8_t {
    sigmoid,
    hardSigmoid,
    swish,
    hardSwish,
    tanh,
    elu,
    selu,
    softplus,
    gelu,
    geluTanh,
    clip
  };
  Function function = Function::sigmoid;
  float a = 0, b = 0;  // the function's parameters, as its formula says

  static constexpr const char* kNames[] = {"sigmoid", "hard_sigmoid", "swish", "hard_swish", "tanh", "elu",
                                           "selu",    "softplus",     "gelu",  "gelu_tanh",  "clip"};
  static constexpr bool kHasGradient = true;
  // Defaults are ONNX's; a clip without a bound has none on that side.
  static Pointwise read(const NodeFields& node) {
    const Attributes& given = node.attributes;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const auto function = static_cast<Function>(std::ranges::find(kNames, node.op) - std::begin(kNames));
    switch (function) {
      case Function::hardSigmoid: return {function, given.realOr("alpha", 0.2f), given.realOr("beta", 0.5f)};
      case Function::swish:
      case Function::elu: return {function, given.realOr("alpha", 1)};
      case Function::selu:
        return {function, given.realOr("alpha", 1.67326319f), given.realOr("gamma", 1.05070102f)};
      case Function::clip: return {function, given.realOr("min", -kInfinity), given.realOr("max", kInfinity)};
      default: return {function};
    }
  }
  std::string name() const { return kNames[static_cast<int>(function)]; }
  Shape infer(const Inputs& inputs) const {
    const Shape& in = inputs.only();
    if (function == Function::clip)
      inputs.require(a <= b, "a min that is not above max", text(a, " and ", b));
    else
      inputs.require(std::isfinite(a) && std::isfinite(b), "finite parameters", text(a, " and ", b));
    return in;
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
