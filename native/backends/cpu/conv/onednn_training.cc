// Convolutions of training with products in bf16 and sums in fp32, on oneDNN, which uses AMX or AVX-512 bf16
// instructions. Activations and gradients stay in fp32; each image's are rounded once, on their way into a product.
//
// Forward and the data gradient are one primitive an image. The weight gradient sums over pieces of the batch, which are
// cut by the number of images alone and added in their order: results do not depend on threads.

#include "native/backends/cpu/conv/onednn_training.h"

#include <algorithm>

#include "native/backends/cpu/conv/onednn_training_primitives.h"
#include "native/backends/cpu/views.h"

namespace facenet::cpu {

namespace {

constexpr int64_t kPieces = 8;  // of a batch, in a weight gradient

class ConvOnednnTraining final : public TrainKernel {
 public:
  ConvOnednnTraining(const ConvProblem& problem, bool inputGradient)
      : problem_(problem),
        inputGradient_(inputGradient),
        primitives_(problem, direct() ? problem.parts[0].activation : Activation::Kind::none, inputGradient) {
  }

  // Weights as forward reads them, then as the data gradient does, then the biases.
  int64_t preparedBytes() const override {
    return forwardWeightBytes() + dataWeightBytes() + roundUp(problem_.out.channels * 4, 64);
  }
  // The input in bf16.
  int64_t savedBytes(int64_t count) const override { return count * problem_.in.elements() * 2; }
  // The gradient in bf16, then the weight gradients of pieces, then one as it is stored.
  int64_t scratchBytes(int64_t count) const override {
    return roundUp(count * problem_.out.elements() * 2, 64) + piecesOf(count) * pieceBytes() +
           plainFloats() * 4;
  }

  void prepare(const Pass& pass) const override {
    [[maybe_unused]] const OneThread guard;
    std::vector<float> plain;
    plain.reserve(static_cast<size_t>(plainFloats()));
    auto* biases = biasesOf(pass);
    for (const ConvProblem::Part& part : problem_.parts) {
      const float* weights = pass.parameters + part.weight;
      for (int64_t i = 0; i < part.channels * problem_.outStride; ++i)
        plain.push_back(part.factor * weights[i]);
      for (int64_t i = 0; i < part.channels; ++i)
        *biases++ = part.bias >= 0 ? part.factor * pass.parameters[part.bias + i] : 0;
    }
    const auto pack = [&](const memory::desc& layout, void* to) {
      TrainingPrimitives::reorder(primitives_.storedLayout(), plain.data(), layout, to);
    };
    pack(primitives_.forward().descriptor.weights_desc(), pass.prepared);
    if (inputGradient_) pack(primitives_.data().descriptor.weights_desc(), dataWeightsOf(pass));
  }

  void forward(const Pass& pass) const override {
    share(pass, pass.x[0].count, [&](int64_t n) { forwardImage(pass, n); });
  }

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const int64_t count = pass.x[0].count;
    share(pass, count, [&](int64_t n) { backwardImage(pass, gradients, n); });
    if (gradients.parameters) addWeightGradient(pass, count, gradients.parameters);
  }

  bool isPlain() const { return primitives_.isPlain(); }
  std::string describe() const override {
    return text("onednn ", primitives_.forward().descriptor.impl_info_str(), ", products in bf16");
  }

 private:
  int64_t plainFloats() const { return problem_.out.channels * problem_.outStride; }
  static int64_t piecesOf(int64_t count) { return std::min(count, kPieces); }
  int64_t pieceBytes() const {
    return bytesOf(primitives_.weightLayout()) + roundUp(problem_.out.channels * 4, 64);
  }
  int64_t forwardWeightBytes() const { return bytesOf(primitives_.forward().descriptor.weights_desc()); }
  int64_t dataWeightBytes() const {
    return inputGradient_ ? bytesOf(primitives_.data().descriptor.weights_desc()) : 0;
  }

  static unsigned char* bytes(void* memory) { return static_cast<unsigned char*>(memory); }
  void* dataWeightsOf(const Pass& pass) const { return bytes(pass.prepared) + forwardWeightBytes(); }
  float* biasesOf(const Pass& pass) const {
    return reinterpret_cast<float*>(bytes(pass.prepared) + forwardWeightBytes() + dataWeightBytes());
  }
  bf16* savedImage(const Pass& pass, int64_t n) const {
    return static_cast<bf16*>(pass.saved) + n * problem_.in.elements();
  }
  bf16* gradientImage(const Pass& pass, int64_t n) const {
    return static_cast<bf16*>(pass.scratch) + n * problem_.out.elements();
  }

  // --- forward

  // Whether the primitive can write the output itself.
  bool direct() const { return problem_.parts.size() == 1 && !problem_.residual; }

  void forwardImage(const Pass& pass, int64_t n) const {
    [[maybe_unused]] const OneThread guard;
    bf16* x = savedImage(pass, n);
    isa().convert(image(pass.x[0], n), {x, DType::bf16, 1, problem_.in, problem_.in.channels});
    const auto& [descriptor, primitive] = primitives_.forward();
    const int64_t padBytes = bytesOf(descriptor.scratchpad_desc());
    auto* own = bytes(threadMemory(padBytes + problem_.out.elements() * 4));
    const View first = image(pass.y[0], n);
    const bool inPlace = direct() && first.pixelStride == first.shape.channels;
    void* product = inPlace ? first.data : own + padBytes;
    TrainingPrimitives::run(primitive,
                            {{DNNL_ARG_SRC, memory(descriptor.src_desc(), engine(), x)},
                             {DNNL_ARG_WEIGHTS, memory(descriptor.weights_desc(), engine(), pass.prepared)},
                             {DNNL_ARG_BIAS, memory(primitives_.biasLayout(), engine(), biasesOf(pass))},
                             {DNNL_ARG_DST, memory(descriptor.dst_desc(), engine(), product)},
                             {DNNL_ARG_SCRATCHPAD, memory(descriptor.scratchpad_desc(), engine(), own)}});
    if (!inPlace) finish(pass, static_cast<float*>(product), n);
  }

  void finish(const Pass& pass, float* product, int64_t n) const {
    for (size_t p = 0; p < pass.y.size(); ++p) {
      const View out = image(pass.y[p], n);
      const View slice{product, DType::f32, 1, out.shape, problem_.out.channels};
      const Activation::Kind kind = problem_.parts[p].activation;
      if (direct())
        isa().convert(slice, out);
      else if (problem_.residual)
        isa().add(slice, image(pass.x[1], n), 1, out, kind, nullptr);
      else
        isa().activation(slice, out, kind, nullptr);
      product += out.shape.channels;
    }
  }

  // --- backward

  // The gradient before the activations in bf16, and what it gives the inputs.
  void backwardImage(const Pass& pass, const Gradients& gradients, int64_t n) const {
    [[maybe_unused]] const OneThread guard;
    const auto& [descriptor, primitive] = primitives_.data();
    const bool wanted = gradients.dx[0].data != nullptr;
    const int64_t padBytes = wanted ? bytesOf(descriptor.scratchpad_desc()) : 0;
    const int64_t most = std::max(problem_.in.elements(), problem_.out.elements());
    auto* own = bytes(threadMemory(padBytes + most * 4));
    auto* floats = reinterpret_cast<float*>(own + padBytes);

    bf16* g = gradientImage(pass, n);
    const View masked = maskedGradient(pass, gradients, n, floats);
    if (problem_.residual && gradients.dx[1].data)
      isa().scaled(masked, 1, image(gradients.dx[1], n), gradients.accumulate[1]);
    isa().convert(masked, {g, DType::bf16, 1, problem_.out, problem_.out.channels});
    if (!wanted) return;

    const View dx = image(gradients.dx[0], n);
    const bool inPlace = !gradients.accumulate[0] && dx.pixelStride == dx.shape.channels;
    void* product = inPlace ? dx.data : floats;
    TrainingPrimitives::run(
        primitive, {{DNNL_ARG_DIFF_SRC, memory(descriptor.diff_src_desc(), engine(), product)},
                    {DNNL_ARG_WEIGHTS, memory(descriptor.weights_desc(), engine(), dataWeightsOf(pass))},
                    {DNNL_ARG_DIFF_DST, memory(descriptor.diff_dst_desc(), engine(), g)},
                    {DNNL_ARG_SCRATCHPAD, memory(descriptor.scratchpad_desc(), engine(), own)}});
    if (!inPlace)
      isa().scaled({product, DType::f32, 1, problem_.in, problem_.in.channels}, 1, dx,
                   gradients.accumulate[0]);
  }

  // One part's is written over dy; several parts' stand side by side in `floats`.
  View maskedGradient(const Pass& pass, const Gradients& gradients, int64_t n, float* floats) const {
    const auto mask = [&](size_t p, const View& to) {
      const View dy = image(gradients.dy[p], n);
      const Activation::Kind kind = problem_.parts[p].activation;
      if (kind != Activation::Kind::none)
        isa().mask(image(pass.y[p], n), dy, to, false, kind);
      else if (to.data != dy.data)
        isa().scaled(dy, 1, to, false);
    };
    if (problem_.parts.size() == 1) {
      const View dy = image(gradients.dy[0], n);
      mask(0, dy);
      return dy;
    }
    const View all{floats, DType::f32, 1, problem_.out, problem_.out.channels};
    int64_t first = 0;
    for (size_t p = 0; p < problem_.parts.size(); ++p) {
      mask(p, channels(all, first, problem_.parts[p].channels));
      first += problem_.parts[p].channels;
    }
    return all;
  }

  void addWeightGradient(const Pass& pass, int64_t count, float* gradients) const {
    const int64_t pieces = piecesOf(count);
    unsigned char* partial = bytes(pass.scratch) + roundUp(count * problem_.out.elements() * 2, 64);
    share(pass, pieces, [&](int64_t i) {
      weightGradient(pass, i * count / pieces, (i + 1) * count / pieces, partial + i * pieceBytes());
    });
    // A piece is its weights' gradient and then its biases'.
    constexpr int64_t run = 4096;
    const int64_t floats = pieceBytes() / 4;
    auto* sums = reinterpret_cast<float*>(partial);
    share(pass, ceilDivide(floats, run), [&](int64_t r) {
      for (int64_t i = 1; i < pieces; ++i)
        for (int64_t f = r * run; f < std::min(floats, (r + 1) * run); ++f) sums[f] += sums[i * floats + f];
    });

    auto* plain = reinterpret_cast<float*>(partial + pieces * pieceBytes());
    {
      [[maybe_unused]] const OneThread guard;
      TrainingPrimitives::reorder(primitives_.weightLayout(), partial, primitives_.storedLayout(), plain);
    }
    const auto* biases = reinterpret_cast<const float*>(partial + bytesOf(primitives_.weightLayout()));
    for (const ConvProblem::Part& part : problem_.parts) {
      for (int64_t i = 0; i < part.channels * problem_.outStride; ++i)
        gradients[part.weight + i] += part.factor * plain[i];
      for (int64_t i = 0; part.bias >= 0 && i < part.channels; ++i)
        gradients[part.bias + i] += part.factor * biases[i];
      plain += part.channels * problem_.outStride;
      biases += part.channels;
    }
  }

  void weightGradient(const Pass& pass, int64_t first, int64_t end, unsigned char* to) const {
    [[maybe_unused]] const OneThread guard;
    const auto& [descriptor, primitive] = primitives_.weights(end - first);
    // Up to the next line, which is added up as well.
    const auto fill = [](unsigned char* from, const memory::desc& layout) {
      std::fill(from + layout.get_size(), from + bytesOf(layout), static_cast<unsigned char>(0));
    };
    unsigned char* biases = to + bytesOf(primitives_.weightLayout());
    fill(to, primitives_.weightLayout());
    fill(biases, primitives_.biasLayout());
    const memory::desc pad = descriptor.scratchpad_desc();
    TrainingPrimitives::run(
        primitive,
        {{DNNL_ARG_SRC, memory(descriptor.src_desc(), engine(), savedImage(pass, first))},
         {DNNL_ARG_DIFF_DST, memory(descriptor.diff_dst_desc(), engine(), gradientImage(pass, first))},
         {DNNL_ARG_DIFF_WEIGHTS, memory(descriptor.diff_weights_desc(), engine(), to)},
         {DNNL_ARG_DIFF_BIAS, memory(primitives_.biasLayout(), engine(), biases)},
         {DNNL_ARG_SCRATCHPAD, memory(pad, engine(), threadMemory(bytesOf(pad)))}});
  }

  ConvProblem problem_;
  bool inputGradient_;
  TrainingPrimitives primitives_;
};

}  // namespace

std::unique_ptr<TrainKernel> makeConvOnednnTraining(const ConvProblem& problem, bool inputGradient) {
  return unlessUnimplemented([&]() -> std::unique_ptr<TrainKernel> {
    auto kernel = std::make_unique<ConvOnednnTraining>(problem, inputGradient);
    return kernel->isPlain() ? nullptr : std::move(kernel);
  });
}

}  // namespace facenet::cpu
