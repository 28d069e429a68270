// The reference backend's kernels: for every op of ops/op.h one overload each, defined in the op's own file.
#pragma once

#include "native/backends/kernel.h"
#include "native/backends/training_kernel.h"

namespace facenet::reference {

using train::Gradients;
using train::Parameter;
using train::Parameters;
using train::Pass;
using train::TrainContext;
using train::TrainKernel;

// What gradients are summed in: fp64 is the specification, with fp32 tests measure what rounding costs a plain loop.
enum class Precision : uint8_t { fp64, fp32 };

// clang-format off
#define FACENET_DECLARE(SomeOp) \
  std::unique_ptr<Kernel> makeKernel(const SomeOp&, const StepContext&); \
  std::unique_ptr<TrainKernel> makeTrainKernel(const SomeOp&, const TrainContext&, Precision);
FACENET_OPS(FACENET_DECLARE)
#undef FACENET_DECLARE
// clang-format on

// Of the step's op.
std::unique_ptr<TrainKernel> makeTrainKernel(const TrainContext& context, Precision sums);

}  // namespace facenet::reference
