// Makers of the kernels, an op each.
#pragma once

#include "native/backends/training_kernel.h"

namespace facenet::cpu {

using train::TrainContext;
using train::TrainKernel;

std::unique_ptr<TrainKernel> makeConv2d(const TrainContext& context);
std::unique_ptr<TrainKernel> makeFullyConnected(const TrainContext& context);
std::unique_ptr<TrainKernel> makeNorm(const TrainContext& context);
std::unique_ptr<TrainKernel> makeActivation(const TrainContext& context);
std::unique_ptr<TrainKernel> makePrelu(const TrainContext& context);
std::unique_ptr<TrainKernel> makePool(const TrainContext& context);
std::unique_ptr<TrainKernel> makeLrn(const TrainContext& context);
std::unique_ptr<TrainKernel> makeMaxout(const TrainContext& context);
std::unique_ptr<TrainKernel> makeConcat(const TrainContext& context);
std::unique_ptr<TrainKernel> makeAdd(const TrainContext& context);
std::unique_ptr<TrainKernel> makeZeroPad(const TrainContext& context);
std::unique_ptr<TrainKernel> makeL2Normalize(const TrainContext& context);
std::unique_ptr<TrainKernel> makePreprocess(const TrainContext& context);

}  // namespace facenet::cpu
