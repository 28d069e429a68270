// conv2d: which kernel computes a step.
#include <algorithm>

#include "native/backends/cuda/conv/routes.h"
#include "native/backends/cuda/step_product.h"

namespace facenet::cuda {
namespace {

// All parts of a step in one product, or in as few as hold them.
class ProductKernel final : public DeviceKernel {
 public:
  ProductKernel(const Conv2d& op, const StepContext& context, const Device& device) : residual_(op.residual) {
    for (size_t first = 0; first < op.parts.size(); first += kMostParts) {
      Conv2d some = op;
      const auto begin = op.parts.begin() + static_cast<std::ptrdiff_t>(first);
      some.parts.assign(begin, begin + std::min<std::ptrdiff_t>(kMostParts, op.parts.end() - begin));
      const PackedColumns packed = packConv(some, context.input().shape.channels, context.plan.options.dtype,
                                            context.weights, context.step.name);
      products_.emplace_back(packed, op.window, context.input(), context.output().shape, 1, device);
    }
    for (const ConvPart& part : op.parts) activations_.push_back(part.activation.kind);
  }

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
              cudaStream_t stream) const override {
    for (size_t i = 0, first = 0; i < products_.size(); ++i, first += kMostParts) {
      const size_t last = std::min(first + kMostParts, outputs.size());
      const auto begin = static_cast<std::ptrdiff_t>(first), end = static_cast<std::ptrdiff_t>(last);
      products_[i].launch(inputs[0], {outputs.begin() + begin, outputs.begin() + end},
                          {activations_.begin() + begin, activations_.begin() + end},
                          residual_ ? inputs[1] : View{}, scratch, stream);
    }
  }
  int64_t scratchBytes(int64_t count) const override {
    int64_t most = 0;
    for (const StepProduct& product : products_) most = std::max(most, product.scratchBytes(count));
    return most;
  }
  int64_t weightBytes() const override {
    int64_t bytes = 0;
    for (const StepProduct& product : products_) bytes += product.weightBytes();
    return bytes;
  }
  std::string describe() const override { return products_.front().describe(); }

 private:
  bool residual_;
  std::vector<StepProduct> products_;
  std::vector<Activation::Kind> activations_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Conv2d& op, const StepContext& context, const Device& device) {
  if (isDepthwise(op, context)) return makeDepthwise(op, context);
  if (isStem(op, context, device)) return makeStem(op, context, device);
  FACENET_ASSERT(!op.preprocess);  // what the planner fuses is a stem on every device
  return std::make_unique<ProductKernel>(op, context, device);
}

}  // namespace facenet::cuda
