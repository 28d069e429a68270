// Which kernel carries out a step on CUDA.
#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {

std::unique_ptr<DeviceKernel> makeCudaKernel(const Plan& plan, const Step& step, const Weights& weights,
                                             const Device& device) {
  const StepContext context{plan, step, weights, device};
  return std::visit(
      [&]<class SomeOp>(const SomeOp& op) -> std::unique_ptr<DeviceKernel> {
        if constexpr (requires { makeKernel(op, context); }) {
          return makeKernel(op, context);
        } else {
          throw Error("ERR_FACENET_CUDA_UNAVAILABLE", text("No CUDA kernel for ", opName(step.op)), "device");
        }
      },
      step.op);
}

}  // namespace facenet::cuda
