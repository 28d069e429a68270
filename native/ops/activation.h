// relu, relu6, prelu: y = max(x, 0); y = min(max(x, 0), 6); y = x > 0 ? x : slope[c] * x.
// sigmoid: y = 1 / (1 + exp(-x)).
// Stands alone as an op, or, all but sigmoid, sits in the epilogue of a convolution, fully connected layer or
// add.
#pragma once

#include <string>

#include "native/core/shape.h"

namespace facenet {

struct Activation {
  enum class Kind : uint8_t { none, relu, relu6, prelu, sigmoid };
  Kind kind = Kind::none;
  std::string slope;  // prelu: tensor of C slopes, or of one for all channels

  explicit operator bool() const { return kind != Kind::none; }
};

inline const char* activationName(Activation::Kind kind) {
  switch (kind) {
    case Activation::Kind::relu: return "relu";
    case Activation::Kind::relu6: return "relu6";
    case Activation::Kind::prelu: return "prelu";
    case Activation::Kind::sigmoid: return "sigmoid";
    default: return "none";
  }
}

}  // namespace facenet
