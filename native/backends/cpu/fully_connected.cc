// fully_connected as a GEMM whose rows are images: a convolution of one pixel that has all elements as channels.
#include <algorithm>

#include "native/backends/cpu/conv/training.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/reference/backend.h"

namespace facenet::cpu {

namespace {

// With maxout and activation after the product.
class FullyConnectedKernel final : public Kernel {
 public:
  FullyConnectedKernel(const FullyConnected& op, const StepContext& context)
      : op_(op), in_(context.input()), features_(in_.shape.elements()) {
    FoldedWeights folded = foldFullyConnected(op_, features_, context.weights, context.step.name);
    const bool half = in_.dtype == DType::bf16;
    plainInput_ = !half && in_.pixelStride == in_.shape.channels;
    direct_ = op_.maxout == 1 && context.output().dtype == DType::f32;
    slopes_ = readSlopes(op_.activation, context.output().shape.channels, context.weights, context.step.name);
    epilogue_ = Epilogue({{op_.outFeatures, direct_ ? op_.activation.kind : Activation::Kind::none}});
    bias_ = epilogue_.layOut({folded.bias});
    slope_ = epilogue_.layOut({direct_ ? slopes_ : std::vector<float>{}});
    if (half)
      for (float& weight : folded.weight) weight = toFloat(toBf16(weight));
    pack(folded.weight);
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    Team alone(1);
    runTogether(inputs, outputs, scratch, alone);
  }

  // Each thread of a team has a copy of the inputs of its own, where one is needed.
  void runTogether(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
                   Team& team) const override {
    if (!direct_ && team.size() > 1) return Kernel::runTogether(inputs, outputs, scratch, team);
    const int64_t count = inputs[0].count;
    auto* columns = static_cast<GemmColumn*>(scratch);
    auto* copy = reinterpret_cast<float*>(columns + roundUp(epilogue_.vectors(), 8));
    auto* product = copy + copiedFloats(count);
    auto* engineScratch = product + productFloats(count);
    View in{inputs[0].data, DType::f32, count, {1, 1, features_}, features_};
    if (!plainInput_) {
      in.data = copy;
      isa().convert(inputs[0], {copy, DType::f32, count, in_.shape, in_.shape.channels});
    }
    const View target =
        direct_ ? outputs[0] : View{product, DType::f32, count, {1, 1, op_.outFeatures}, op_.outFeatures};
    epilogue_.bind({target}, nullptr, bias_.get(), slope_.get(), columns);
    multiplyTogether(*engine_, in, weights_.get(), columns, engineScratch, team);
    if (!direct_) finish(target, outputs[0]);
  }

  int64_t scratchBytes(int64_t count) const override {
    return roundUp(epilogue_.vectors(), 8) * static_cast<int64_t>(sizeof(GemmColumn)) +
           (copiedFloats(count) + productFloats(count)) * 4 + engine_->scratchBytes();
  }

  std::string describe() const override { return "gemm " + Panels(epilogue_.vectors()).describe(); }

 private:
  void pack(const std::vector<float>& weight) {
    WeightSource source;
    source.constant = true;
    for (int64_t k = 0; k < features_; ++k) source.rows.push_back(storedIndex(k));
    for (int64_t n = 0; n < epilogue_.vectors() * lanes(); ++n)
      source.columns.push_back(n < op_.outFeatures ? n * features_ : -1);
    engine_ = makeGemmEngine({1, 1, 1, 1, {Tap{}}}, features_, std::move(source));
    weights_ = alignedArray<float>(engine_->packedFloats());
    for (int64_t item = 0; item < engine_->packItems(); ++item)
      engine_->pack(weight.data(), item, weights_.get());
  }

  // The stored position of the k-th value in memory order H, W, C.
  int64_t storedIndex(int64_t k) const {
    if (!op_.channelsFirst) return k;
    return k % in_.shape.channels * in_.shape.pixels() + k / in_.shape.channels;
  }

  int64_t copiedFloats(int64_t count) const { return plainInput_ ? 0 : roundUp(count * features_, 16); }
  int64_t productFloats(int64_t count) const { return direct_ ? 0 : roundUp(count * op_.outFeatures, 16); }

  void finish(const View& product, const View& out) const {
    View result = product;
    if (op_.maxout > 1) {
      // In place: the maximum of a group lands before the next group is read.
      result.shape.channels = op_.outFeatures / op_.maxout;
      result.pixelStride = op_.outFeatures;
      for (int64_t n = 0; n < product.count; ++n) {
        float* row = product.as<float>() + n * op_.outFeatures;
        for (int64_t j = 0; j < result.shape.channels; ++j)
          row[j] = *std::max_element(row + j * op_.maxout, row + (j + 1) * op_.maxout);
      }
    }
    isa().activation(result, out, op_.activation.kind, slopes_.empty() ? nullptr : slopes_.data());
  }

  FullyConnected op_;
  PlannedTensor in_;
  int64_t features_;
  bool plainInput_ = true;  // fp32 and dense: read where it is
  bool direct_ = true;      // nothing is left to do after the product
  std::vector<float> slopes_;
  Epilogue epilogue_;
  AlignedArray<float> weights_, bias_, slope_;
  std::unique_ptr<ConvEngine> engine_;
};

// Images of several pixels are first laid out in the order of the weights.
class FullyConnectedTraining final : public TrainKernel {
 public:
  FullyConnectedTraining(const FullyConnected& op, const Shape& in, const ConvProblem& problem)
      : channelsFirst_(op.channelsFirst), in_(in), product_(makeConvTraining(problem)) {}

  int64_t scratchBytes(int64_t count) const override {
    return 2 * flatFloats(count) * 4 + product_->scratchBytes(count);
  }

  void forward(const Pass& pass) const override {
    if (flat(pass.x[0])) return product_->forward(pass);
    product_->forward(flattened(pass));
  }

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View& dx = gradients.dx[0];
    if (flat(pass.x[0]) && (!dx.data || flat(dx))) return product_->backward(pass, gradients);
    Gradients inner = gradients;
    if (dx.data) {
      inner.dx[0] = flatView(pass, 1);
      inner.accumulate[0] = false;
    }
    product_->backward(flattened(pass), inner);
    if (!dx.data) return;
    share(pass, dx.count, [&](int64_t n) {
      const float* from = inner.dx[0].as<float>() + n * in_.elements();
      eachElement(image(dx, n), [&](float& to, int64_t index) {
        to = gradients.accumulate[0] ? to + from[index] : from[index];
      });
    });
  }

  std::string describe() const override { return product_->describe(); }

 private:
  // Elements of one pixel are in the order of the weights as they are.
  bool flat(const View& view) const { return view.shape.pixels() == 1; }
  int64_t flatFloats(int64_t count) const { return (count * in_.elements() + 15) / 16 * 16; }

  View flatView(const Pass& pass, int64_t number) const {
    const int64_t count = pass.x[0].count;
    return {static_cast<float*>(pass.scratch) + number * flatFloats(count),
            DType::f32,
            count,
            {1, 1, in_.elements()},
            in_.elements()};
  }

  Pass flattened(const Pass& pass) const {
    Pass inner = pass;
    inner.x[0] = flatView(pass, 0);
    inner.scratch = static_cast<float*>(pass.scratch) + 2 * flatFloats(pass.x[0].count);
    share(pass, pass.x[0].count, [&](int64_t n) {
      float* to = inner.x[0].as<float>() + n * in_.elements();
      eachElement(image(pass.x[0], n), [&](float& from, int64_t index) { to[index] = from; });
    });
    return inner;
  }

  // body(element, its index among the weights of an output)
  template <class Body>
  void eachElement(const View& one, Body body) const {
    for (int64_t p = 0; p < in_.pixels(); ++p)
      for (int64_t c = 0; c < in_.channels; ++c)
        body(one.as<float>()[p * one.pixelStride + c],
             channelsFirst_ ? c * in_.pixels() + p : p * in_.channels + c);
  }

  bool channelsFirst_;
  Shape in_;
  std::unique_ptr<TrainKernel> product_;
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const FullyConnected& op, const StepContext& context) {
  return std::make_unique<FullyConnectedKernel>(op, context);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const FullyConnected& op, const TrainContext& context) {
  FACENET_ASSERT(op.norms.empty());
  if (op.maxout > 1 || !maskable(op.activation)) return train::makeReferenceTrainKernel(context);
  const Shape& in = context.input().shape;
  ConvProblem problem;
  problem.in = {1, 1, in.elements()};
  problem.out = {1, 1, op.outFeatures};
  problem.outStride = in.elements();
  problem.parts.push_back(
      {op.outFeatures, op.activation.kind, offsetOf(context, op.weight), offsetOf(context, op.bias)});
  return std::make_unique<FullyConnectedTraining>(op, in, problem);
}

}  // namespace facenet::cpu
