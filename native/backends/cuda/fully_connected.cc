// fully_connected as a convolution whose window covers the image: its one pixel an image is the vector of
// results, and the input is read where it lies.
#include "native/backends/cuda/kernels.h"
#include "native/backends/cuda/step_product.h"

namespace facenet::cuda {
namespace {

class FullyConnectedKernel final : public DeviceKernel {
 public:
  FullyConnectedKernel(const FullyConnected& op, const StepContext& context)
      : activation_(op.activation.kind),
        product_(packFullyConnected(op, context.input().shape, context.plan.options.dtype, context.weights,
                                    context.step.name),
                 {.kernelHeight = context.input().shape.height, .kernelWidth = context.input().shape.width},
                 context.input(), context.output().shape, op.maxout, context.device) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
              cudaStream_t stream) const override {
    product_.launch(inputs[0], {outputs[0]}, {activation_}, {}, scratch, stream);
  }
  int64_t scratchBytes(int64_t count) const override { return product_.scratchBytes(count); }
  int64_t weightBytes() const override { return product_.weightBytes(); }
  std::string describe() const override { return product_.describe(); }

 private:
  Activation::Kind activation_;
  StepProduct product_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const FullyConnected& op, const StepContext& context) {
  return std::make_unique<FullyConnectedKernel>(op, context);
}

}  // namespace facenet::cuda
