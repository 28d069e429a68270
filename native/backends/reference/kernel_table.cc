// One line for every op: std::visit finds the `prepare` of the step's op, and does not compile where one is
// missing.
#include "native/backends/reference/loops.h"

namespace facenet {
namespace {

class PlainLoop final : public Kernel {
 public:
  explicit PlainLoop(reference::Loop loop) : loop_(std::move(loop)) {}

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void*) const override {
    loop_(inputs, outputs);
  }
  std::string describe() const override { return "plain loops"; }

 private:
  reference::Loop loop_;
};

}  // namespace

std::unique_ptr<Kernel> makeReferenceKernel(const Plan& plan, const Step& step, const Weights& weights) {
  const reference::Context context{plan, step, weights};
  return std::make_unique<PlainLoop>(
      std::visit([&](const auto& op) { return reference::prepare(op, context); }, step.op));
}

}  // namespace facenet
