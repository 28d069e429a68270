// Finds the kernel of a step's op.
#include "native/backends/reference/backend.h"
#include "native/backends/reference/loops.h"

namespace facenet {
namespace reference {
namespace {

class PlainLoop final : public Kernel {
 public:
  explicit PlainLoop(Loop loop) : loop_(std::move(loop)) {}

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void*) const override {
    loop_(inputs, outputs);
  }
  std::string describe() const override { return "plain loops"; }

 private:
  Loop loop_;
};

}  // namespace

std::unique_ptr<Kernel> plainLoop(Loop loop) {
  return std::make_unique<PlainLoop>(std::move(loop));
}

std::vector<float> stored(const Plan& plan, std::vector<float> weight) {
  for (float& value : weight) {
    if (plan.options.dtype == DType::bf16) value = toFloat(toBf16(value));
    if (plan.options.dtype == DType::f16) value = toFloat(toF16(value));
  }
  return weight;
}

std::unique_ptr<TrainKernel> makeTrainKernel(const TrainContext& context, Precision sums) {
  return std::visit([&](const auto& op) { return makeTrainKernel(op, context, sums); }, context.step.op);
}

}  // namespace reference

std::unique_ptr<Kernel> makeReferenceKernel(const Plan& plan, const Step& step, const Weights& weights) {
  const StepContext context{plan, step, weights};
  return std::visit([&](const auto& op) { return reference::makeKernel(op, context); }, step.op);
}

std::unique_ptr<train::TrainKernel> train::makeReferenceTrainKernel(const TrainContext& context) {
  return reference::makeTrainKernel(context, reference::Precision::fp64);
}

}  // namespace facenet
