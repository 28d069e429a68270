#include "native/ops/fully_connected.h"

namespace facenet {

FullyConnected FullyConnected::read(const NodeFields& node) {
  FullyConnected op;
  op.weight = node.tensors.string("weight");
  op.bias = node.tensors.stringOr("bias", "");
  op.outFeatures = node.attributes.integer("outFeatures", 1);
  op.channelsFirst = node.attributes.oneOf<bool, 2>("order", {{"chw", true}, {"hwc", false}}, true);
  return op;
}

Shape FullyConnected::infer(const Inputs& inputs) const {
  const Shape& in = inputs.only();
  inputs.requireRange("output features", outFeatures, 1, kMaxChannels);
  inputs.requireRange("maxout pieces", maxout, 1, kMaxChannels);
  inputs.require(outFeatures % maxout == 0, text("output features divisible by ", maxout, " maxout pieces"),
                 text(outFeatures));
  inputs.requireWeights(static_cast<double>(outFeatures) * in.elements());
  return {1, 1, outFeatures / maxout};
}

OpTensors FullyConnected::tensors(const Shape& in) const {
  OpTensors result;
  result.add(weight, {outFeatures, in.elements()}, TensorRole::weight);
  result.add(bias, {outFeatures}, TensorRole::bias);
  for (const Norm& norm : norms) result.append(norm.tensors({1, 1, outFeatures}));
  result.append(activation.tensors({1, 1, outFeatures / maxout}));
  return result;
}

}  // namespace facenet
