#include "native/backends/cpu/conv/training.h"

#include <algorithm>

#include "native/backends/cpu/conv/data_gradient.h"
#include "native/backends/cpu/conv/weight_gradient.h"

namespace facenet::cpu {

namespace {

class ConvTraining final : public TrainKernel {
 public:
  explicit ConvTraining(const ConvProblem& problem)
      : problem_(problem),
        forward_(problem, false),
        gradientChannels_(several() ? forward_.epilogue().vectors() * lanes() : problem.out.channels),
        data_(problem, forward_.epilogue(), gradientChannels_) {
    std::vector<int64_t> bias;
    for (const Epilogue::Column& column : forward_.epilogue().columns())
      for (int64_t l = 0; l < lanes(); ++l) {
        const ConvProblem::Part& part = problem_.parts[column.part];
        bias.push_back(l < column.lanes && part.bias >= 0 ? part.bias + column.channel + l : -1);
      }
    weight_ = forward_.winograd()
                  ? makeWinogradWeightGradient(forward_.im2col(), forward_.run(), forward_.weights(), bias)
                  : makeGemmWeightGradient(forward_.im2col(), forward_.run(), forward_.weights(), bias);
  }

  int64_t scratchBytes(int64_t count) const override {
    const int64_t backward = std::max(data_.scratchFloats(count), weight_->scratchFloats(count));
    return 4 * (forward_.paddedFloats(count) + gatheredFloats(count) + std::max(forwardFloats(), backward));
  }

  void forward(const Pass& pass) const override {
    const ConvEngine& engine = forward_.engine();
    auto* memory = static_cast<float*>(pass.scratch);
    const View source = sourceOf(pass, memory);
    float* packed = memory + forward_.paddedFloats(pass.x[0].count);
    float* bias = packed + roundUp(engine.packedFloats(), 16);
    share(pass, engine.packItems(), [&](int64_t item) { engine.pack(pass.parameters, item, packed); });
    layOutBias(pass, bias);
    std::vector<GemmColumn> columns(static_cast<size_t>(forward_.epilogue().vectors()));
    forward_.epilogue().bind(pass.y, problem_.residual ? &pass.x[1] : nullptr, bias, nullptr, columns.data());
    share(pass, engine.items(source.count), [&](int64_t item) {
      engine.multiplyItem(source, packed, columns.data(), item, threadMemory(engine.scratchBytes()));
    });
  }

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const int64_t count = pass.x[0].count;
    auto* gathered = static_cast<float*>(pass.scratch) + forward_.paddedFloats(count);
    float* memory = gathered + gatheredFloats(count);
    const View g = maskedGradient(pass, gradients, gathered);
    if (gradients.dx[0].data) data_.run(pass, g, gradients.dx[0], gradients.accumulate[0], memory);
    if (problem_.residual && gradients.dx[1].data)
      share(pass, count, [&](int64_t n) {
        isa().scaled(image(g, n), 1, image(gradients.dx[1], n), gradients.accumulate[1]);
      });
    if (!gradients.parameters) return;
    const View source = sourceOf(pass, static_cast<float*>(pass.scratch));
    std::vector<GradientColumn> columns;
    for (const Epilogue::Column& column : forward_.epilogue().columns()) {
      const int64_t channel = several() ? static_cast<int64_t>(columns.size()) * lanes() : column.channel;
      columns.push_back({g.as<float>() + channel, g.pixelStride, column.lanes});
    }
    weight_->add(pass, source, columns, memory, gradients.parameters);
  }

  std::string describe() const override { return forward_.engine().describe() + ", " + weight_->describe(); }

 private:
  bool several() const { return problem_.parts.size() > 1; }

  // Memory, in floats: the padded input; the gathered gradient; then packed weights and biases going forward, and what
  // the gradients want going backward.
  int64_t gatheredFloats(int64_t count) const {
    return several() ? count * problem_.out.pixels() * gradientChannels_ : 0;
  }
  int64_t forwardFloats() const {
    return roundUp(forward_.engine().packedFloats(), 16) + forward_.epilogue().vectors() * lanes();
  }

  // The input as the engine reads it.
  View sourceOf(const Pass& pass, float* memory) const {
    const View& x = pass.x[0];
    if (!forward_.padded()) return x;
    const View padded = forward_.paddedView(memory, x.count);
    share(pass, x.count, [&](int64_t n) { forward_.pad(image(x, n), image(padded, n).as<float>()); });
    return padded;
  }

  void layOutBias(const Pass& pass, float* bias) const {
    for (const Epilogue::Column& column : forward_.epilogue().columns()) {
      const ConvProblem::Part& part = problem_.parts[column.part];
      for (int64_t l = 0; l < lanes(); ++l)
        *bias++ = l < column.lanes && part.bias >= 0
                      ? part.factor * pass.parameters[part.bias + column.channel + l]
                      : 0;
    }
  }

  // The gradient before the activation. One part's is written over dy; several parts' stand side by side.
  View maskedGradient(const Pass& pass, const Gradients& gradients, float* gathered) const {
    const int64_t count = pass.x[0].count;
    if (!several()) {
      const View& dy = gradients.dy[0];
      const Activation::Kind kind = problem_.parts[0].activation;
      if (kind != Activation::Kind::none)
        share(pass, count,
              [&](int64_t n) { isa().mask(image(pass.y[0], n), image(dy, n), image(dy, n), false, kind); });
      return dy;
    }
    const View g{gathered,
                 DType::f32,
                 count,
                 {problem_.out.height, problem_.out.width, gradientChannels_},
                 gradientChannels_};
    share(pass, count, [&](int64_t n) { gather(pass, gradients, g, n); });
    return g;
  }

  void gather(const Pass& pass, const Gradients& gradients, const View& g, int64_t n) const {
    const View to = image(g, n);
    std::fill_n(to.as<float>(), g.imageStride(), 0.0f);
    int64_t first = 0;
    for (size_t p = 0; p < problem_.parts.size(); ++p) {
      const ConvProblem::Part& part = problem_.parts[p];
      View slice = to;
      slice.data = to.as<float>() + first;
      slice.shape.channels = part.channels;
      if (part.activation == Activation::Kind::none)
        isa().scaled(image(gradients.dy[p], n), 1, slice, false);
      else
        isa().mask(image(pass.y[p], n), image(gradients.dy[p], n), slice, false, part.activation);
      first += roundUp(part.channels, lanes());
    }
  }

  ConvProblem problem_;
  ConvForward forward_;
  int64_t gradientChannels_;
  DataGradient data_;
  std::unique_ptr<WeightGradient> weight_;
};

}  // namespace

std::unique_ptr<TrainKernel> makeConvTraining(const ConvProblem& problem) {
  return std::make_unique<ConvTraining>(problem);
}

}  // namespace facenet::cpu
