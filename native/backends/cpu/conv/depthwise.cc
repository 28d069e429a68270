// conv2d with one window for each channel.
#include <algorithm>

#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/views.h"
#include "native/core/integers.h"

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
    runOn(op_.window, inputs, outputs[0]);
  }

  // By rows of the output.
  void runTogether(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
                   Team& team) const override {
    if (team.size() == 1) return run(inputs, outputs, scratch);
    const int64_t height = outputs[0].shape.height, each = ceilDivide(height, kPartsPerThread * team.size());
    const int64_t parts = ceilDivide(height, each);
    team.share(outputs[0].count * parts, [&](int64_t item) {
      const int64_t n = item / parts, first = item % parts * each, count = std::min(each, height - first);
      const auto [window, begin, size] = windowOf(inputs[0].shape, first, count);
      std::vector<View> in{rows(image(inputs[0], n), begin, size)};
      if (op_.residual) in.push_back(rows(image(inputs[1], n), first, count));
      runOn(window, in, rows(image(outputs[0], n), first, count));
    });
  }

  std::string describe() const override { return text("depthwise ", isa().name); }

 private:
  static constexpr int64_t kPartsPerThread = 2;

  void runOn(const Window& window, const std::vector<View>& inputs, const View& output) const {
    isa().depthwise(window, inputs[0], op_.residual ? &inputs[1] : nullptr, output, weights_.data(),
                    bias_.data(), slopes_.empty() ? nullptr : slopes_.data(), op_.parts[0].activation.kind);
  }

  // What output rows [first, first + count) read: a window over input rows [begin, begin + size).
  struct Rows {
    Window window;
    int64_t begin, size;
  };
  Rows windowOf(const Shape& in, int64_t first, int64_t count) const {
    Rows rows{op_.window, 0, 0};
    const int64_t top = first * op_.window.strideHeight - op_.window.padTop;
    const int64_t bottom = top + (count - 1) * op_.window.strideHeight + op_.window.extentHeight();
    rows.begin = std::clamp<int64_t>(top, 0, in.height);
    rows.size = std::clamp<int64_t>(bottom, rows.begin, in.height) - rows.begin;
    rows.window.padTop = rows.begin - top;
    return rows;
  }

  Conv2d op_;
  std::vector<float> weights_;  // taps x channels
  std::vector<float> bias_, slopes_;
};

}  // namespace

std::unique_ptr<Kernel> makeConvDepthwise(const Conv2d& op, const StepContext& context) {
  return std::make_unique<ConvDepthwise>(op, context);
}

}  // namespace facenet::cpu
