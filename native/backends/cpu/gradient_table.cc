// Which kernel trains a step on the CPU.
#include "native/backends/cpu/gradient_kernels.h"

namespace facenet::train {
namespace {

struct Make {
  const TrainContext& context;
  using Made = std::unique_ptr<TrainKernel>;

  Made operator()(const Conv2d&) const { return facenet::cpu::makeConv2d(context); }
  Made operator()(const FullyConnected&) const { return facenet::cpu::makeFullyConnected(context); }
  Made operator()(const Norm&) const { return facenet::cpu::makeNorm(context); }
  Made operator()(const Activation&) const { return facenet::cpu::makeActivation(context); }
  Made operator()(const Pool&) const { return facenet::cpu::makePool(context); }
  Made operator()(const Lrn&) const { return facenet::cpu::makeLrn(context); }
  Made operator()(const Maxout&) const { return facenet::cpu::makeMaxout(context); }
  Made operator()(const Concat&) const { return facenet::cpu::makeConcat(context); }
  Made operator()(const Add&) const { return facenet::cpu::makeAdd(context); }
  Made operator()(const ZeroPad&) const { return facenet::cpu::makeZeroPad(context); }
  Made operator()(const L2Normalize&) const { return facenet::cpu::makeL2Normalize(context); }
  Made operator()(const Preprocess&) const { return facenet::cpu::makePreprocess(context); }
  // Detectors have it, networks that are trained do not.
  Made operator()(const Upsample&) const { return makeReferenceTrainKernel(context); }
};

}  // namespace

std::unique_ptr<TrainKernel> makeCpuTrainKernel(const TrainContext& context) {
  return std::visit(Make{context}, context.step.op);
}

}  // namespace facenet::train
