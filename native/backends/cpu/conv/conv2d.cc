#include "native/backends/cpu/conv/conv2d.h"

#include "native/backends/cpu/conv/onednn_training.h"
#include "native/backends/cpu/conv/training.h"
#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/reference/backend.h"

namespace facenet::cpu {

std::unique_ptr<Kernel> makeKernel(const Conv2d& op, const StepContext& context) {
  const auto isHalf = [&](int tensor) {
    return context.plan.tensors[static_cast<size_t>(tensor)].dtype == DType::bf16;
  };
  const bool half = std::any_of(context.step.inputs.begin(), context.step.inputs.end(), isHalf) ||
                    std::any_of(context.step.outputs.begin(), context.step.outputs.end(), isHalf);
  switch (chooseConv(op, context.input().shape, context.output().shape, half)) {
    case ConvMethod::depthwise: return makeConvDepthwise(op, context);
    case ConvMethod::half:
#ifdef FACENET_ONEDNN
      if (bf16Products() != Bf16Products::none && oneDnnIsRight()) {
        if (auto kernel = makeConvOnednn(op, context)) return kernel;
      }
#endif
      return makeConvWidened(op, context);
    default: return makeConvInference(op, context, DType::f32);
  }
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Conv2d& op, const TrainContext& context) {
  ConvProblem problem;
  problem.window = op.window;
  problem.in = context.input().shape;
  problem.out = {context.output().shape.height, context.output().shape.width, op.outChannels()};
  problem.residual = op.residual;
  problem.storedLayout();
  for (const ConvPart& part : op.parts) {
    FACENET_ASSERT(part.norms.empty());
    if (op.groups > 1 || !maskable(part.activation)) return train::makeReferenceTrainKernel(context);
    problem.parts.push_back({part.outChannels, part.activation.kind, offsetOf(context, part.weight),
                             offsetOf(context, part.bias), part.factor});
  }
#ifdef FACENET_ONEDNN
  const ConvMethod engine = chooseEngine(op.window, problem.in, problem.out, 1, op.parts.size());
  if (context.products == DType::bf16 && bf16ProductsPay(engine) && oneDnnIsRight())
    if (auto kernel = makeConvOnednnTraining(problem, context.inputGradient)) return kernel;
#endif
  return makeConvTraining(problem);
}

}  // namespace facenet::cpu
