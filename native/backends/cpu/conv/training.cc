#include "native/backends/cpu/conv/training.h"

#include <algorithm>
#include <array>

#include "native/backends/cpu/conv/choice.h"
#include "native/backends/cpu/conv/weight_gradient.h"

namespace facenet::cpu {
namespace {

// Output channels in whole vectors; a part starts at a vector of its own.
struct Column {
  size_t part;
  int64_t channel, lanes;
};

std::vector<Column> columnsOf(const std::vector<int64_t>& channels) {
  std::vector<Column> columns;
  for (size_t p = 0; p < channels.size(); ++p)
    for (int64_t c = 0; c < channels[p]; c += lanes())
      columns.push_back({p, c, std::min(lanes(), channels[p] - c)});
  return columns;
}

// Input pixels that are a multiple of the stride apart, starting at (y, x): the same taps reach all of them.
struct PixelClass {
  int64_t y, x;
  Taps taps;
  std::unique_ptr<Product> product;  // null where no tap reaches them
};

class LinearKernel final : public TrainKernel {
 public:
  explicit LinearKernel(Linear linear) : op_(std::move(linear)) {
    std::vector<int64_t> channels;
    for (const Linear::Part& part : op_.parts) channels.push_back(part.channels);
    columns_ = columnsOf(channels);
    inputColumns_ = columnsOf({op_.in.channels});
    const Window& w = op_.window;
    padded_ = op_.in.channels <= kMaxStemChannels && w.kernelWidth > 1 &&
              w.strideWidth <= w.kernelWidth;
    prepareForward();
    prepareData();
  }

  int64_t scratchBytes(int64_t count) const override {
    const int64_t data = std::max(dataFloats(count), gradient_->scratchFloats(count));
    return 4 * (paddedFloats(count) + gatheredFloats(count) + std::max(forwardFloats(), data));
  }

  void forward(const Pass& pass) const override {
    auto* memory = static_cast<float*>(pass.scratch);
    const View source = sourceOf(pass, memory);
    float* packed = memory + paddedFloats(pass.x[0].count);
    float* bias = packed + roundUp(forward_->packedFloats(), 16);
    share(pass, forward_->packItems(), [&](int64_t item) { forward_->pack(pass.parameters, item, packed); });
    std::vector<GemmColumn> columns;
    for (size_t v = 0; v < columns_.size(); ++v) columns.push_back(outputColumn(pass, v, bias));
    share(pass, forward_->items(source.count),
          [&](int64_t item) { forward_->multiply(source, packed, columns.data(), item); });
  }

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const int64_t count = pass.x[0].count;
    auto* gathered = static_cast<float*>(pass.scratch) + paddedFloats(count);
    float* memory = gathered + gatheredFloats(count);
    const View g = maskedGradient(pass, gradients, gathered);
    if (gradients.dx[0].data) addData(pass, g, gradients.dx[0], gradients.accumulate[0], memory);
    if (op_.residual && gradients.dx[1].data)
      share(pass, count, [&](int64_t n) {
        isa().scaled(image(g, n), 1, image(gradients.dx[1], n), gradients.accumulate[1]);
      });
    if (!gradients.parameters) return;
    const View source = sourceOf(pass, static_cast<float*>(pass.scratch));
    std::vector<GradientColumn> columns;
    for (size_t v = 0; v < columns_.size(); ++v) {
      const int64_t channel = op_.parts.size() > 1 ? static_cast<int64_t>(v) * lanes() : columns_[v].channel;
      columns.push_back({g.as<float>() + channel, g.pixelStride, columns_[v].lanes});
    }
    gradient_->add(pass, source, columns, memory, gradients.parameters);
  }

  std::string describe() const override {
    return forward_->describe() + (padded_ ? " of rows" : "") + ", " + gradient_->describe();
  }

 private:
  // --- preparation

  Taps forwardTaps() const {
    const Window& w = op_.window;
    Taps taps{op_.out.height, op_.out.width, w.strideHeight, w.strideWidth, {}};
    for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
      for (int64_t kx = 0; kx < (padded_ ? 1 : w.kernelWidth); ++kx)
        taps.offsets.push_back(padded_ ? Tap{ky, 0} : Tap{ky - w.padTop, kx - w.padLeft});
    return taps;
  }

  // A padded image has the taps of a kernel row side by side in memory, so they count as channels.
  int64_t runChannels() const { return op_.in.channels * (padded_ ? op_.window.kernelWidth : 1); }

  void prepareForward() {
    const int64_t kernelTaps = op_.window.kernelHeight * op_.window.kernelWidth;
    const bool winograd =
        !padded_ && op_.parts.size() == 1 &&
        suitsWinograd(op_.window, op_.in.channels, op_.out.channels, op_.out.height, op_.out.width);
    WeightPlaces places{{}, {}, op_.parts[0].factor};
    std::vector<int64_t> bias;
    for (const Column& column : columns_)
      for (int64_t l = 0; l < lanes(); ++l) {
        const Linear::Part& part = op_.parts[column.part];
        const bool there = l < column.lanes;
        places.lanes.push_back(there ? part.weight + (column.channel + l) * op_.outStride : -1);
        bias.push_back(there && part.bias >= 0 ? part.bias + column.channel + l : -1);
      }
    for (int64_t t = 0; t < (winograd ? 1 : kernelTaps); ++t)
      for (int64_t i = 0; i < op_.in.channels; ++i)
        places.terms.push_back(t * op_.tapStride + i * op_.channelStride);
    const Taps taps = forwardTaps();
    if (winograd) {
      forward_ = makeWinograd(taps, op_.in.channels, places, false);
      gradient_ = makeWinogradGradient(taps, op_.in.channels, places, bias);
    } else {
      forward_ = makeGemm(taps, runChannels(), places);
      gradient_ = makeDirectGradient(taps, runChannels(), places, bias);
    }
  }

  void prepareData() {
    const Window& w = op_.window;
    WeightPlaces places{{}, {}, op_.parts[0].factor};
    for (const Column& column : inputColumns_)
      for (int64_t l = 0; l < lanes(); ++l)
        places.lanes.push_back(l < column.lanes ? (column.channel + l) * op_.channelStride : -1);
    if (op_.parts.size() == 1 &&
        suitsWinograd(w, op_.out.channels, op_.in.channels, op_.in.height, op_.in.width)) {
      Taps taps{op_.in.height, op_.in.width, 1, 1, {{w.padTop - 2, w.padLeft - 2}}};
      addTerms(0, places.terms);
      auto product = makeWinograd(taps, op_.out.channels, places, true);
      classes_.push_back({0, 0, taps, std::move(product)});
      return;
    }
    for (int64_t y = 0; y < std::min(w.strideHeight, op_.in.height); ++y)
      for (int64_t x = 0; x < std::min(w.strideWidth, op_.in.width); ++x)
        classes_.push_back(pixelClass(y, x, places));
  }

  // The terms of one tap: all output channels, as they lie in the gradient that is multiplied.
  void addTerms(int64_t tap, std::vector<int64_t>& terms) const {
    const bool whole = op_.parts.size() > 1;  // gathered parts are whole vectors
    for (const Column& column : columns_)
      for (int64_t l = 0; l < (whole ? lanes() : column.lanes); ++l)
        terms.push_back(l < column.lanes ? op_.parts[column.part].weight +
                                               (column.channel + l) * op_.outStride + tap * op_.tapStride
                                         : -1);
  }

  PixelClass pixelClass(int64_t y, int64_t x, WeightPlaces places) const {
    const Window& w = op_.window;
    Taps taps{(op_.in.height - y + w.strideHeight - 1) / w.strideHeight,
              (op_.in.width - x + w.strideWidth - 1) / w.strideWidth,
              1,
              1,
              {}};
    for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
      for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
        const int64_t down = y + w.padTop - ky, across = x + w.padLeft - kx;
        if (down % w.strideHeight || across % w.strideWidth) continue;
        taps.offsets.push_back({down / w.strideHeight, across / w.strideWidth});
        addTerms(ky * w.kernelWidth + kx, places.terms);
      }
    if (taps.offsets.empty()) return {y, x, taps, nullptr};
    auto product = makeGemm(taps, gradientChannels(), std::move(places));
    return {y, x, taps, std::move(product)};
  }

  // --- memory, in floats

  Shape paddedShape() const {
    const Window& w = op_.window;
    return {op_.in.height + w.padTop + w.padBottom, op_.in.width + w.padLeft + w.padRight, op_.in.channels};
  }
  int64_t paddedFloats(int64_t count) const {
    return padded_ ? roundUp(count * paddedShape().elements(), 16) : 0;
  }
  int64_t gradientChannels() const {
    return op_.parts.size() > 1 ? static_cast<int64_t>(columns_.size()) * lanes() : op_.out.channels;
  }
  int64_t gatheredFloats(int64_t count) const {
    return op_.parts.size() > 1 ? count * op_.out.pixels() * gradientChannels() : 0;
  }
  int64_t forwardFloats() const {
    return roundUp(forward_->packedFloats(), 16) + static_cast<int64_t>(columns_.size()) * lanes();
  }
  int64_t biasFloats() const { return static_cast<int64_t>(inputColumns_.size()) * lanes(); }
  int64_t packedDataFloats() const {
    int64_t most = 0;
    for (const PixelClass& pixels : classes_)
      if (pixels.product) most = std::max(most, roundUp(pixels.product->packedFloats(), 16));
    return most;
  }
  int64_t dataFloats(int64_t count) const {
    const int64_t spread = classes_.size() > 1 ? count * classes_[0].taps.pixels() * op_.in.channels : 0;
    return packedDataFloats() + lanes() + spread;
  }

  // --- forward

  // The input as the forward taps read it.
  View sourceOf(const Pass& pass, float* memory) const {
    if (!padded_) return pass.x[0];
    const Window& w = op_.window;
    const Shape shape = paddedShape();
    const View& x = pass.x[0];
    const View padded{memory, DType::f32, x.count, shape, shape.channels};
    share(pass, x.count, [&](int64_t n) {
      float* to = memory + n * shape.elements();
      std::fill_n(to, shape.elements(), 0.0f);
      for (int64_t row = 0; row < op_.in.height; ++row)
        for (int64_t column = 0; column < op_.in.width; ++column)
          std::copy_n(x.as<float>() + ((n * op_.in.height + row) * op_.in.width + column) * x.pixelStride,
                      shape.channels,
                      to + ((row + w.padTop) * shape.width + column + w.padLeft) * shape.channels);
    });
    return padded;
  }

  GemmColumn outputColumn(const Pass& pass, size_t v, float* bias) const {
    const Column& column = columns_[v];
    const Linear::Part& part = op_.parts[column.part];
    const View& y = pass.y[column.part];
    float* values = bias + static_cast<int64_t>(v) * lanes();
    for (int64_t l = 0; l < lanes(); ++l)
      values[l] = l < column.lanes && part.bias >= 0
                      ? part.factor * pass.parameters[part.bias + column.channel + l]
                      : 0;
    return {values,
            nullptr,
            op_.residual ? pass.x[1].as<float>() + column.channel : nullptr,
            op_.residual ? pass.x[1].pixelStride : 0,
            y.as<float>() + column.channel,
            y.pixelStride,
            column.lanes,
            part.activation};
  }

  // --- backward

  // The gradient before the activation. One part's is written over dy; several parts' stand side by side.
  View maskedGradient(const Pass& pass, const Gradients& gradients, float* gathered) const {
    const int64_t channels = gradientChannels(), count = pass.x[0].count;
    if (op_.parts.size() == 1) {
      const View& dy = gradients.dy[0];
      const Activation::Kind kind = op_.parts[0].activation;
      if (kind != Activation::Kind::none)
        share(pass, count, [&](int64_t n) {
          isa().mask(image(pass.y[0], n), image(dy, n), image(dy, n), false, kind);
        });
      return dy;
    }
    const View g{gathered, DType::f32, count, {op_.out.height, op_.out.width, channels}, channels};
    share(pass, count, [&](int64_t n) {
      std::fill_n(gathered + n * g.imageStride(), g.imageStride(), 0.0f);
      for (size_t v = 0; v < columns_.size(); ++v) {
        if (columns_[v].channel != 0) continue;
        const size_t p = columns_[v].part;
        View part = image(g, n);
        part.data = part.as<float>() + static_cast<int64_t>(v) * lanes();
        part.shape.channels = op_.parts[p].channels;
        if (op_.parts[p].activation == Activation::Kind::none)
          isa().scaled(image(gradients.dy[p], n), 1, part, false);
        else
          isa().mask(image(pass.y[p], n), image(gradients.dy[p], n), part, false,
                          op_.parts[p].activation);
      }
    });
    return g;
  }

  void addData(const Pass& pass, const View& g, const View& dx, bool accumulate, float* memory) const {
    float* packed = memory;
    float* noBias = packed + packedDataFloats();
    float* spread = noBias + lanes();
    std::fill_n(noBias, lanes(), 0.0f);
    for (const PixelClass& pixels : classes_) {
      const bool direct = classes_.size() == 1;
      const View target = direct ? dx
                                 : View{spread,
                                        DType::f32,
                                        dx.count,
                                        {pixels.taps.height, pixels.taps.width, op_.in.channels},
                                        op_.in.channels};
      if (pixels.product) {
        std::vector<GemmColumn> columns;
        for (const Column& column : inputColumns_) {
          float* to = target.as<float>() + column.channel;
          const bool add = direct && accumulate;
          columns.push_back({noBias, nullptr, add ? to : nullptr, target.pixelStride, to, target.pixelStride,
                             column.lanes, Activation::Kind::none});
        }
        share(pass, pixels.product->packItems(),
              [&](int64_t item) { pixels.product->pack(pass.parameters, item, packed); });
        share(pass, pixels.product->items(g.count),
              [&](int64_t item) { pixels.product->multiply(g, packed, columns.data(), item); });
      } else {
        std::fill_n(spread, target.count * target.imageStride(), 0.0f);
      }
      if (!direct) share(pass, dx.count, [&](int64_t n) { spreadImage(pixels, target, dx, accumulate, n); });
    }
  }

  // The rows of a class to their pixels.
  void spreadImage(const PixelClass& pixels, const View& from, const View& dx, bool accumulate,
                   int64_t n) const {
    for (int64_t row = 0; row < from.shape.height; ++row) {
      View source = image(from, n), target = image(dx, n);
      source.shape.height = 1;
      source.data = source.as<float>() + row * from.shape.width * from.pixelStride;
      target.shape = source.shape;
      target.data = target.as<float>() +
                    ((row * op_.window.strideHeight + pixels.y) * op_.in.width + pixels.x) * dx.pixelStride;
      target.pixelStride = dx.pixelStride * op_.window.strideWidth;
      isa().scaled(source, 1, target, accumulate);
    }
  }

  Linear op_;
  bool padded_ = false;
  std::vector<Column> columns_, inputColumns_;
  std::unique_ptr<Product> forward_;
  std::unique_ptr<WeightGradient> gradient_;
  std::vector<PixelClass> classes_;
};

}  // namespace

std::unique_ptr<TrainKernel> makeLinear(Linear linear) {
  return std::make_unique<LinearKernel>(std::move(linear));
}

}  // namespace facenet::cpu
