// Convolutions that are no product like the others.
#pragma once

#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {

// Whether a step has a group a channel.
bool isDepthwise(const Conv2d& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeDepthwise(const Conv2d& op, const StepContext& context);

// Whether a step reads an image of few channels, as one with a preprocess in it does, through a window that fits the
// device's shared memory.
bool isStem(const Conv2d& op, const StepContext& context, const Device& device);
std::unique_ptr<DeviceKernel> makeStem(const Conv2d& op, const StepContext& context, const Device& device);

}  // namespace facenet::cuda
