// conv2d in bf16 where there is no oneDNN, or no instruction for it: the fp32 engine between conversions. Image by
// image, so that the widened copies are in cache when they are read, and a result cannot depend on the batch around it.
#include <numeric>

#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/views.h"

namespace facenet::cpu {

namespace {

class ConvWidened final : public Kernel {
 public:
  ConvWidened(const Conv2d& op, const StepContext& context)
      : engine_(makeConvInference(op, context, DType::bf16)) {
    const auto shapeOf = [&](int tensor) { return context.plan.tensors[static_cast<size_t>(tensor)].shape; };
    for (const int input : context.step.inputs) inputs_.push_back(shapeOf(input));
    for (const int output : context.step.outputs) outputs_.push_back(shapeOf(output));
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    auto* memory = static_cast<unsigned char*>(scratch);
    const std::vector<View> wideInputs = place(inputs_, memory), wideOutputs = place(outputs_, memory);
    for (int64_t n = 0; n < inputs[0].count; ++n) {
      for (size_t i = 0; i < inputs.size(); ++i) isa().convert(image(inputs[i], n), wideInputs[i]);
      engine_->run(wideInputs, wideOutputs, memory);
      for (size_t i = 0; i < outputs.size(); ++i) isa().convert(wideOutputs[i], image(outputs[i], n));
    }
  }

  int64_t scratchBytes(int64_t) const override {
    const auto add = [](int64_t sum, const Shape& shape) { return sum + bytes(shape); };
    return std::accumulate(inputs_.begin(), inputs_.end(), int64_t{0}, add) +
           std::accumulate(outputs_.begin(), outputs_.end(), int64_t{0}, add) + engine_->scratchBytes(1);
  }

  std::string describe() const override { return "widened " + engine_->describe(); }

 private:
  static int64_t bytes(const Shape& shape) {
    return roundUp(shape.elements() * static_cast<int64_t>(sizeof(float)), 64);
  }

  // One fp32 image of each shape, one after the other from `memory`, which moves behind them.
  static std::vector<View> place(const std::vector<Shape>& shapes, unsigned char*& memory) {
    std::vector<View> views;
    for (const Shape& shape : shapes) {
      views.push_back({memory, DType::f32, 1, shape, shape.channels});
      memory += bytes(shape);
    }
    return views;
  }

  std::unique_ptr<Kernel> engine_;
  std::vector<Shape> inputs_, outputs_;
};

}  // namespace

std::unique_ptr<Kernel> makeConvWidened(const Conv2d& op, const StepContext& context) {
  return std::make_unique<ConvWidened>(op, context);
}

}  // namespace facenet::cpu
