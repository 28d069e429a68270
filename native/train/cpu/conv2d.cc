// conv2d and fully_connected as sums of products over a window.
#include "train/cpu/kernels.h"
#include "train/cpu/linear.h"

namespace facenet::train::cpu {
namespace {

// The plans of training leave prelu and maxout, whose backward needs more than y, as steps of their own; plain
// loops do the rest.
bool maskable(const Activation& activation) {
  return activation.kind != Activation::Kind::prelu && activation.kind != Activation::Kind::sigmoid;
}

int64_t placeOf(const TrainContext& context, const std::string& name) {
  return name.empty() ? -1 : context.parameters.at(name).offset;
}

}  // namespace

std::unique_ptr<TrainKernel> makeConv2d(const TrainContext& context) {
  const auto& op = std::get<Conv2d>(context.step.op);
  Linear linear;
  linear.window = op.window;
  linear.in = context.input().shape;
  linear.out = {context.output().shape.height, context.output().shape.width, op.outChannels()};
  linear.residual = op.residual;
  linear.channelStride = op.window.kernelHeight * op.window.kernelWidth;
  linear.outStride = linear.in.channels * linear.channelStride;
  for (const ConvPart& part : op.parts) {
    FACENET_ASSERT(part.norms.empty());
    if (op.groups > 1 || !maskable(part.activation)) return makeReferenceTrainKernel(context);
    linear.parts.push_back({part.outChannels, part.activation.kind, placeOf(context, part.weight),
                            placeOf(context, part.bias), part.factor});
  }
  return makeLinear(std::move(linear));
}

std::unique_ptr<TrainKernel> makeFullyConnected(const TrainContext& context) {
  const auto& op = std::get<FullyConnected>(context.step.op);
  FACENET_ASSERT(op.norms.empty());
  if (op.maxout > 1 || !maskable(op.activation)) return makeReferenceTrainKernel(context);
  Linear linear;
  linear.in = context.input().shape;
  linear.out = {1, 1, op.outFeatures};
  linear.window = {.kernelHeight = linear.in.height,
                   .kernelWidth = linear.in.width,
                   .strideHeight = linear.in.height,
                   .strideWidth = linear.in.width};
  linear.tapStride = op.channelsFirst ? 1 : linear.in.channels;
  linear.channelStride = op.channelsFirst ? linear.in.pixels() : 1;
  linear.outStride = linear.in.elements();
  linear.parts.push_back(
      {op.outFeatures, op.activation.kind, placeOf(context, op.weight), placeOf(context, op.bias), 1});
  return makeLinear(std::move(linear));
}

}  // namespace facenet::train::cpu
