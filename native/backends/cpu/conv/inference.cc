// conv2d in fp32 with weights that are folded and packed when a model is opened.
#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/conv/forward.h"
#include "native/backends/cpu/views.h"

namespace facenet::cpu {

namespace {

class ConvInference final : public Kernel {
 public:
  ConvInference(const Conv2d& op, const StepContext& context, DType weights)
      : op_(op), problem_(problemOf(op, context)) {
    FACENET_ASSERT(op_.groups == 1 || op_.parts.size() == 1);
    std::vector<std::vector<float>> biases, slopes;
    std::vector<float> values;
    for (size_t p = 0; p < op_.parts.size(); ++p) {
      const ConvPart& part = op_.parts[p];
      FoldedWeights folded =
          foldConvPart(part, problem_.in.channels, op_.window, context.weights, context.step.name);
      if (weights == DType::bf16)
        for (float& weight : folded.weight) weight = toFloat(toBf16(weight));
      problem_.parts[p].weight = static_cast<int64_t>(values.size());
      values.insert(values.end(), folded.weight.begin(), folded.weight.end());
      biases.push_back(folded.bias);
      slopes.push_back(readSlopes(part.activation, part.outChannels, context.weights, context.step.name));
    }
    forward_ = std::make_unique<ConvForward>(problem_, true);
    for (int64_t group = 0; group < op_.groups; ++group) {
      const int64_t first = group * problem_.out.channels, count = problem_.out.channels;
      groups_.push_back({pack(values.data() + first * problem_.outStride),
                         forward_->epilogue().layOut(op_.groups > 1 ? cut(biases, first, count) : biases),
                         forward_->epilogue().layOut(op_.groups > 1 ? cut(slopes, first, count) : slopes)});
    }
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    Team alone(1);
    runTogether(inputs, outputs, scratch, alone);
  }

  void runTogether(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
                   Team& team) const override {
    auto* columns = static_cast<GemmColumn*>(scratch);
    for (int64_t group = 0; group < op_.groups; ++group) {
      const View in = channels(inputs[0], group * problem_.in.channels, problem_.in.channels);
      const int64_t first = group * problem_.out.channels, count = problem_.out.channels;
      const View residual = op_.residual ? channels(inputs[1], first, count) : View{};
      runGroup(groups_[static_cast<size_t>(group)], in, op_.residual ? &residual : nullptr,
               op_.groups > 1 ? std::vector<View>{channels(outputs[0], first, count)} : outputs, columns,
               team);
    }
  }

  int64_t scratchBytes(int64_t) const override {
    return columnBytes() + forward_->paddedFloats(1) * 4 + forward_->engine().scratchBytes();
  }

  std::string describe() const override { return forward_->engine().describe(); }

 private:
  struct Group {
    AlignedArray<float> weights, bias, slopes;
  };

  static ConvProblem problemOf(const Conv2d& op, const StepContext& context) {
    const Shape &in = context.input().shape, &out = context.output().shape;
    ConvProblem problem;
    problem.window = op.window;
    problem.in = {in.height, in.width, in.channels / op.groups};
    problem.out = {out.height, out.width, op.outChannels() / op.groups};
    problem.groups = op.groups;
    problem.residual = op.residual;
    problem.storedLayout();
    for (const ConvPart& part : op.parts)
      problem.parts.push_back({part.outChannels / op.groups, part.activation.kind});
    return problem;
  }

  // The channels of one group.
  static std::vector<std::vector<float>> cut(const std::vector<std::vector<float>>& values, int64_t first,
                                             int64_t count) {
    if (values[0].empty()) return values;
    return {{values[0].begin() + first, values[0].begin() + first + count}};
  }

  AlignedArray<float> pack(const float* values) const {
    const ConvEngine& engine = forward_->engine();
    AlignedArray<float> packed = alignedArray<float>(engine.packedFloats());
    for (int64_t item = 0; item < engine.packItems(); ++item) engine.pack(values, item, packed.get());
    return packed;
  }

  int64_t columnBytes() const {
    return roundUp(forward_->epilogue().vectors() * static_cast<int64_t>(sizeof(GemmColumn)), 64);
  }

  void runGroup(const Group& group, const View& in, const View* residual, const std::vector<View>& outputs,
                GemmColumn* columns, Team& team) const {
    const ConvEngine& engine = forward_->engine();
    auto* padded = reinterpret_cast<float*>(reinterpret_cast<char*>(columns) + columnBytes());
    auto* scratch = padded + forward_->paddedFloats(1);
    const auto multiply = [&](const View& source) {
      multiplyTogether(engine, source, group.weights.get(), columns, scratch, team);
    };
    if (!forward_->padded()) {
      forward_->epilogue().bind(outputs, residual, group.bias.get(), group.slopes.get(), columns);
      return multiply(in);
    }
    // Image by image, so that the padded copy is in cache when it is read. Each thread of a team makes its own.
    for (int64_t n = 0; n < in.count; ++n) {
      forward_->pad(image(in, n), padded);
      const View added = residual ? image(*residual, n) : View{};
      forward_->epilogue().bind(images(outputs, n), residual ? &added : nullptr, group.bias.get(),
                                group.slopes.get(), columns);
      multiply(forward_->paddedView(padded, 1));
    }
  }

  Conv2d op_;
  ConvProblem problem_;
  std::unique_ptr<ConvForward> forward_;
  std::vector<Group> groups_;
};

}  // namespace

std::unique_ptr<Kernel> makeConvInference(const Conv2d& op, const StepContext& context, DType weights) {
  return std::make_unique<ConvInference>(op, context, weights);
}

}  // namespace facenet::cpu
