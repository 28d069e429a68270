#include "native/ops/activation.h"

#include <algorithm>

namespace facenet {

Activation Activation::read(const NodeFields& node) {
  const auto place = std::ranges::find(kNames, node.op);
  const auto kind = static_cast<Kind>(place - std::begin(kNames) + 1);
  return {kind, kind == Kind::prelu ? node.tensors.string("slope") : ""};
}

std::string Activation::name() const {
  return activationName(kind);
}

OpTensors Activation::tensors(const Shape& in) const {
  OpTensors result;
  if (kind == Kind::prelu) result.add(slope, {in.channels}, TensorRole::slope);
  return result;
}

}  // namespace facenet
