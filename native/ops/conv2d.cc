#include "native/ops/conv2d.h"

namespace facenet {
namespace {

int64_t weightsPerOutput(const Conv2d& op, const Shape& in) {
  return op.inChannels(in.channels) / op.groups * op.window.kernelHeight * op.window.kernelWidth;
}

}  // namespace

Conv2d Conv2d::read(const NodeFields& node) {
  ConvPart part;
  part.weight = node.tensors.string("weight");
  part.bias = node.tensors.stringOr("bias", "");
  part.outChannels = node.attributes.integer("outChannels", 1);
  Conv2d op;
  op.window = Window::read(node.attributes);
  op.groups = node.attributes.integerOr("groups", 1, 1);
  op.parts = {part};
  return op;
}

Shape Conv2d::infer(const Inputs& inputs) const {
  inputs.requireCount(residual ? 2 : 1);
  const int64_t in = inputs[0].channels;
  inputs.requireRange("groups", groups, 1, kMaxChannels);
  inputs.require(in % groups == 0, text("input channels divisible by groups ", groups), text(in));
  for (const ConvPart& part : parts) {
    inputs.requireRange("output channels", part.outChannels, 1, kMaxChannels);
    inputs.require(part.outChannels % groups == 0, text("output channels divisible by groups ", groups),
                   text(part.outChannels));
  }
  const Shape out = window.infer(inputs, outChannels());
  inputs.requireWeights(static_cast<double>(outChannels()) * (in / groups) * window.kernelHeight *
                        window.kernelWidth);
  if (residual) inputs.require(inputs[1] == out, "a residual of shape " + toString(out), toString(inputs[1]));
  return out;
}

OpTensors Conv2d::tensors(const Shape& in) const {
  OpTensors result;
  for (const ConvPart& part : parts) {
    result.add(part.weight,
               {part.outChannels, inChannels(in.channels) / groups, window.kernelHeight, window.kernelWidth},
               TensorRole::weight);
    result.add(part.bias, {part.outChannels}, TensorRole::bias);
    const Shape out{1, 1, part.outChannels};
    for (const Norm& norm : part.norms) result.append(norm.tensors(out));
    result.append(part.activation.tensors(out));
  }
  return result;
}

int64_t Conv2d::multiplyAdds(const Shape& in, const Shape& out) const {
  return out.pixels() * outChannels() * weightsPerOutput(*this, in);
}

}  // namespace facenet
