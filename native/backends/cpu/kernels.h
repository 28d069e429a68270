// Makers of the CPU backend's kernels: one for inference and one for training for each op of native/ops/op.h. Each is
// defined in the op's own file.
#pragma once

#include "native/backends/kernel.h"
#include "native/backends/training_kernel.h"

namespace facenet::cpu {

using train::TrainContext;
using train::TrainKernel;

#define FACENET_DECLARE_MAKERS(SomeOp)                                              \
  std::unique_ptr<Kernel> makeKernel(const SomeOp& op, const StepContext& context); \
  std::unique_ptr<TrainKernel> makeTrainKernel(const SomeOp& op, const TrainContext& context);
FACENET_OPS(FACENET_DECLARE_MAKERS)
#undef FACENET_DECLARE_MAKERS

}  // namespace facenet::cpu
