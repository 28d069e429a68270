// conv2d with one window for each channel.

#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/conv/epilogue.h"

namespace facenet::cpu {

namespace {

class ConvDepthwise final : public Kernel {
 public:
  ConvDepthwise(const Conv2d& op, const StepContext& context) : op_(op) {
    const ConvPart& part = op_.parts[0];
    const int64_t channels = part.outChannels, taps = op_.window.kernelHeight * op_.window.kernelWidth;
    FoldedWeights folded = foldConvPart(part, 1, op_.window, context.weights, context.step.name);
    const bool half = context.input().dtype == DType::bf16;
    weights_.resize(static_cast<size_t>(channels * taps));
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t tap = 0; tap < taps; ++tap) {
        const float value = folded.weight[static_cast<size_t>(c * taps + tap)];
        weights_[static_cast<size_t>(tap * channels + c)] = half ? toFloat(toBf16(value)) : value;
      }
    bias_ = std::move(folded.bias);
    slopes_ = readSlopes(part.activation, channels, context.weights, context.step.name);
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void*) const override {
    isa().depthwise(op_.window, inputs[0], op_.residual ? &inputs[1] : nullptr, outputs[0], weights_.data(),
                    bias_.data(), slopes_.empty() ? nullptr : slopes_.data(), op_.parts[0].activation.kind);
  }

  std::string describe() const override { return text("depthwise ", isa().name); }

 private:
  Conv2d op_;
  std::vector<float> weights_;  // taps x channels
  std::vector<float> bias_, slopes_;
};

}  // namespace

std::unique_ptr<Kernel> makeConvDepthwise(const Conv2d& op, const StepContext& context) {
  return std::make_unique<ConvDepthwise>(op, context);
}

}  // namespace facenet::cpu
