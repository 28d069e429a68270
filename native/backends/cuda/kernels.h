// Makers of the CUDA backend's kernels, an op each.
#pragma once

#include "native/backends/cuda/kernel.h"

namespace facenet::cuda {

struct StepContext {
  const Plan& plan;
  const Step& step;
  const Weights& weights;
  const Device& device;

  const PlannedTensor& input(size_t i = 0) const { return plan.tensors[static_cast<size_t>(step.inputs[i])]; }
  const PlannedTensor& output(size_t i = 0) const {
    return plan.tensors[static_cast<size_t>(step.outputs[i])];
  }
};

std::unique_ptr<DeviceKernel> makeKernel(const Preprocess& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Conv2d& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Norm& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Activation& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Pool& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Lrn& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const FullyConnected& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Maxout& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Concat& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Add& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const ZeroPad& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const Upsample& op, const StepContext& context);
std::unique_ptr<DeviceKernel> makeKernel(const L2Normalize& op, const StepContext& context);

}  // namespace facenet::cuda
