// Which kernel trains a step on a CUDA device.
#include "native/backends/cuda/gradient_kernels.h"

namespace facenet::train {
namespace {

struct Make {
  const TrainContext& context;
  const facenet::cuda::Device& device;
  using Made = std::unique_ptr<TrainKernel>;

  Made operator()(const Conv2d&) const { return cuda::makeConv2d(context, device); }
  Made operator()(const FullyConnected&) const { return cuda::makeFullyConnected(context, device); }
  Made operator()(const Norm&) const { return cuda::makeNorm(context, device); }
  Made operator()(const Activation&) const { return cuda::makeActivation(context, device); }
  Made operator()(const Pool&) const { return cuda::makePool(context, device); }
  Made operator()(const Lrn&) const { return cuda::makeLrn(context, device); }
  Made operator()(const Maxout&) const { return cuda::makeMaxout(context, device); }
  Made operator()(const Concat&) const { return cuda::makeConcat(context, device); }
  Made operator()(const Add&) const { return cuda::makeAdd(context, device); }
  Made operator()(const ZeroPad&) const { return cuda::makeZeroPad(context, device); }
  Made operator()(const Upsample&) const { return cuda::makeUpsample(context, device); }
  Made operator()(const L2Normalize&) const { return cuda::makeL2Normalize(context, device); }
  Made operator()(const Preprocess&) const { return cuda::makePreprocess(context, device); }
};

}  // namespace

std::unique_ptr<TrainKernel> makeCudaTrainKernel(const TrainContext& context,
                                                 const facenet::cuda::Device& device) {
  return std::visit(Make{context, device}, context.step.op);
}

}  // namespace facenet::train
