// relu, relu6, prelu: y = max(x, 0); y = min(max(x, 0), 6); y = x > 0 ? x : slope[c] * x.
// Stands alone as an op, or sits in the epilogue of a convolution, fully connected layer or add.
//
// Backward, in an epilogue too, where dy is turned into the gradient of the activation's input first:
//   relu        dx = y > 0 ? dy : 0
//   relu6       dx = 0 < y < 6 ? dy : 0
//   prelu       dx = x > 0 ? dy : slope[c] dy;  dslope[c] = sum over x <= 0 of x dy
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Activation {
  enum class Kind : uint8_t { none, relu, relu6, prelu };
  Kind kind = Kind::none;
  std::string slope;  // prelu: tensor of C slopes, or of one for all channels

  explicit operator bool() const { return kind != Kind::none; }

  static constexpr const char* kNames[] = {"relu", "relu6", "prelu"};
  static constexpr bool kHasGradient = true;
  static Activation read(const NodeFields& node);
  std::string name() const;
  Shape infer(const Inputs& inputs) const { return inputs.only(); }
  OpTensors tensors(const Shape& in) const;
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

inline const char* activationName(Activation::Kind kind) {
  return kind == Activation::Kind::none ? "none" : Activation::kNames[static_cast<int>(kind) - 1];
}

}  // namespace facenet
