// Makers of the training kernels that run on a CUDA device, an op each.
#pragma once

#include "native/backends/cuda/runtime/device.h"
#include "native/backends/training_kernel.h"

namespace facenet::train::cuda {

using facenet::cuda::Device;

std::unique_ptr<TrainKernel> makeConv2d(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeFullyConnected(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeNorm(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeActivation(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makePool(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeLrn(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeMaxout(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeConcat(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeAdd(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeZeroPad(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeUpsample(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makeL2Normalize(const TrainContext& context, const Device& device);
std::unique_ptr<TrainKernel> makePreprocess(const TrainContext& context, const Device& device);

}  // namespace facenet::train::cuda

namespace facenet::train {

// The kernel of a step whose activations are f32 or bf16.
std::unique_ptr<TrainKernel> makeCudaTrainKernel(const TrainContext& context,
                                                 const facenet::cuda::Device& device);

}  // namespace facenet::train
