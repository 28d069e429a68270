#include "native/ops/norm.h"

namespace facenet {

Norm Norm::read(const NodeFields& node) {
  Norm op;
  op.scale = node.tensors.stringOr("scale", "");
  op.shift = node.tensors.stringOr("shift", "");
  if (node.op == kNames[1]) return op;
  op.mean = node.tensors.string("mean");
  op.variance = node.tensors.string("variance");
  op.epsilon = node.attributes.real("epsilon");
  if (op.epsilon < 0) throw node.attributes.wrong("epsilon", "a number of at least 0");
  return op;
}

Shape Norm::infer(const Inputs& inputs) const {
  const Shape& in = inputs.only();
  inputs.require(std::isfinite(epsilon) && epsilon >= 0, "a finite epsilon >= 0", text(epsilon));
  return in;
}

OpTensors Norm::tensors(const Shape& in) const {
  OpTensors result;
  result.add(mean, {in.channels}, TensorRole::mean);
  result.add(variance, {in.channels}, TensorRole::variance);
  result.add(scale, {in.channels}, TensorRole::scale);
  result.add(shift, {in.channels}, TensorRole::shift);
  return result;
}

}  // namespace facenet
