// Which kernel carries out a step on CUDA.
#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {

std::unique_ptr<DeviceKernel> makeCudaKernel(const Plan& plan, const Step& step, const Weights& weights,
                                             const Device& device) {
  return std::visit([&](const auto& op) { return makeKernel(op, {plan, step, weights}, device); }, step.op);
}

std::unique_ptr<TrainKernel> makeCudaTrainKernel(const TrainContext& context, const Device& device) {
  return std::visit([&](const auto& op) { return makeTrainKernel(op, context, device); }, context.step.op);
}

}  // namespace facenet::cuda
