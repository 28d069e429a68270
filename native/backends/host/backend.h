// What the backends that compute in host memory have in common: models and trainers are made of one kernel object per
// step.
#pragma once

#include "native/backends/backend.h"
#include "native/backends/kernel.h"
#include "native/backends/training_kernel.h"
#include "native/ops/optimizer.h"

namespace facenet {

// What DeviceKind::cpu asks of plans, whichever backend serves it. Throws ERR_FACENET_INVALID_ARGUMENT for f16.
void planForCpu(PlanOptions& options);

class HostBackend : public Backend {
 public:
  std::unique_ptr<Executor> makeExecutor(const Graph& graph, PlanOptions options, const Weights& weights,
                                         int threads) const override;
  std::unique_ptr<train::TrainingBackend> makeTrainingBackend(DType dtype, int threads) const override;

  virtual std::unique_ptr<Kernel> makeKernel(const Plan& plan, const Step& step,
                                             const Weights& weights) const = 0;
  virtual std::unique_ptr<train::TrainKernel> makeTrainKernel(const train::TrainContext& context) const = 0;
  virtual void optimize(const Optimizer& optimizer, const Update& update, const WeightSpan& span) const = 0;
};

}  // namespace facenet
