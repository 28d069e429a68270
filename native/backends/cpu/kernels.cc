#include "native/backends/cpu/kernels.h"

#include "native/backends/cpu/backend.h"

namespace facenet {

std::unique_ptr<Kernel> makeCpuKernel(const Plan& plan, const Step& step, const Weights& weights) {
  const StepContext context{plan, step, weights};
  return std::visit([&](const auto& op) { return cpu::makeKernel(op, context); }, step.op);
}

std::unique_ptr<train::TrainKernel> train::makeCpuTrainKernel(const TrainContext& context) {
  return std::visit([&](const auto& op) { return cpu::makeTrainKernel(op, context); }, context.step.op);
}

}  // namespace facenet
