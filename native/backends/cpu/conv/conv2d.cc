// conv2d as sums of products over a window.
#include "native/backends/cpu/conv/training.h"
#include "native/backends/cpu/gradient_kernels.h"

namespace facenet::cpu {

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
    if (op.groups > 1 || !maskable(part.activation)) return train::makeReferenceTrainKernel(context);
    linear.parts.push_back({part.outChannels, part.activation.kind, placeOf(context, part.weight),
                            placeOf(context, part.bias), part.factor});
  }
  return makeLinear(std::move(linear));
}

}  // namespace facenet::cpu
