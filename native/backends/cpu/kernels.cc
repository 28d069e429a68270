// Which kernel carries out a step on the CPU.

#include "native/backends/cpu/conv/choice.h"
#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/kernels.h"

namespace facenet {

namespace {

using namespace cpu;

struct Make {
  const Plan& plan;
  const Step& step;
  const Weights& weights;

  std::unique_ptr<Kernel> operator()(const Conv2d& op) const {
    const auto tensor = [&](int index) -> const PlannedTensor& {
      return plan.tensors[static_cast<size_t>(index)];
    };
    bool half = false;
    for (int index : step.inputs) half |= tensor(index).dtype == DType::bf16;
    for (int index : step.outputs) half |= tensor(index).dtype == DType::bf16;
    switch (chooseConv(op, tensor(step.inputs[0]).shape, tensor(step.outputs[0]).shape, half)) {
      case ConvMethod::stem: return makeConvStem(plan, step, weights);
      case ConvMethod::winograd: return makeConvWinograd(plan, step, weights);
      case ConvMethod::depthwise: return makeConvDepthwise(plan, step, weights);
      case ConvMethod::onednn: return makeConvOnednn(plan, step, weights);
      default: return makeConvGemm(plan, step, weights);
    }
  }
  std::unique_ptr<Kernel> operator()(const FullyConnected&) const {
    return makeFullyConnected(plan, step, weights);
  }
  std::unique_ptr<Kernel> operator()(const Preprocess&) const { return makePreprocess(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const Norm&) const { return makeNorm(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const Activation&) const { return makeActivation(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const Pool&) const { return makePool(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const Lrn&) const { return makeLrn(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const Maxout&) const { return makeMaxout(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const Concat&) const { return makeConcat(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const Add&) const { return makeAdd(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const ZeroPad&) const { return makeZeroPad(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const Upsample&) const { return makeUpsample(plan, step, weights); }
  std::unique_ptr<Kernel> operator()(const L2Normalize&) const {
    return makeL2Normalize(plan, step, weights);
  }
};

}  // namespace

std::unique_ptr<Kernel> makeCpuKernel(const Plan& plan, const Step& step, const Weights& weights) {
  return std::visit(Make{plan, step, weights}, step.op);
}

}  // namespace facenet
