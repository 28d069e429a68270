// The makers of the CUDA backend's kernels: two for each op, defined in the op's own file.
#pragma once

#include "native/backends/cuda/kernel.h"
#include "native/backends/kernel.h"
#include "native/backends/training_kernel.h"

namespace facenet::cuda {

using train::Gradients;
using train::Pass;
using train::TrainContext;
using train::TrainKernel;

// In training activations and their gradients are f32 or bf16.
#define FACENET_DECLARE_MAKERS(SomeOp)                                                        \
  std::unique_ptr<DeviceKernel> makeKernel(const SomeOp&, const StepContext&, const Device&); \
  std::unique_ptr<TrainKernel> makeTrainKernel(const SomeOp&, const TrainContext&, const Device&);
FACENET_OPS(FACENET_DECLARE_MAKERS)
#undef FACENET_DECLARE_MAKERS

std::unique_ptr<TrainKernel> makeCudaTrainKernel(const TrainContext& context, const Device& device);

inline cudaStream_t streamOf(const Pass& pass) {
  return static_cast<cudaStream_t>(pass.stream);
}

}  // namespace facenet::cuda
