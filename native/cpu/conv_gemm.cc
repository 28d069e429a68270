// conv2d as an implicit GEMM: the rows of the product are output pixels, whose inputs are read where they
// lie. Padding is a pointer to zeros, a slice of a concat is an output stride, sibling 1x1 reductions are
// more columns.

#include "cpu/conv2d.h"
#include "cpu/epilogue.h"
#include "cpu/gemm_weights.h"

namespace facenet::cpu {

namespace {

// Tiles of rows that share a pass over a panel of weights: enough to read the panel from L2 once and use it
// often, few enough that their inputs stay in L2 too.
constexpr int64_t kTilesPerPass = 8;

// With few input channels (a stem) a kernel row of neighbouring pixels is one run of memory, once the image
// has its padding around it.
bool readsRows(const Conv2d& op, const Shape& in) {
  return op.groups == 1 && in.channels <= 4;
}

class ConvGemm final : public Kernel {
 public:
  ConvGemm(const Plan& plan, const Step& step, const Weights& weights)
      : op_(std::get<Conv2d>(step.op)),
        in_(plan.tensors[static_cast<size_t>(step.inputs[0])].shape),
        out_(plan.tensors[static_cast<size_t>(step.outputs[0])].shape),
        rows_(readsRows(op_, in_)),
        groupIn_(in_.channels / op_.groups),
        taps_(rows_ ? op_.window.kernelHeight : op_.window.kernelHeight * op_.window.kernelWidth),
        run_(rows_ ? op_.window.kernelWidth * in_.channels : groupIn_),
        padded_(rows_ ? Shape{in_.height + op_.window.padTop + op_.window.padBottom,
                              in_.width + op_.window.padLeft + op_.window.padRight, in_.channels}
                      : in_),
        zeros_(static_cast<size_t>(run_), 0.0f) {
    std::vector<FoldedWeights> folded;
    std::vector<std::vector<float>> slopes;
    for (const ConvPart& part : op_.parts) {
      folded.push_back(foldConvPart(part, groupIn_, op_.window, weights, step.name));
      slopes.push_back(readSlopes(part.activation, part.outChannels, weights, step.name));
    }
    for (int64_t group = 0; group < op_.groups; ++group) packGroup(group, folded, slopes);
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    auto* columns = static_cast<GemmColumn*>(scratch);
    auto* pointers = reinterpret_cast<const float**>(columns + roundUp(groups_[0].epilogue.vectors(), 8));
    View in = inputs[0];
    if (rows_ && op_.window.padded()) in = padImages(in, reinterpret_cast<float*>(pointers + pointerCount()));
    const View* residual = op_.residual ? &inputs[1] : nullptr;
    for (int64_t group = 0; group < op_.groups; ++group) {
      bindGroup(group, outputs, residual, columns);
      multiply(in, groups_[static_cast<size_t>(group)].weights, group * groupIn_, columns, pointers,
               outputs[0].count * out_.pixels());
    }
  }

  int64_t scratchBytes(int64_t count) const override {
    const int64_t pointers =
        roundUp(groups_[0].epilogue.vectors(), 8) * static_cast<int64_t>(sizeof(GemmColumn)) +
        pointerCount() * static_cast<int64_t>(sizeof(float*));
    return pointers + (rows_ && op_.window.padded() ? (count * padded_.elements() + 64) * 4 : 0);
  }

  std::string describe() const override { return "implicit_gemm " + groups_[0].weights.describe(); }

 private:
  struct Group {
    Epilogue epilogue;
    GemmWeights weights;
  };

  void packGroup(int64_t group, const std::vector<FoldedWeights>& folded,
                 const std::vector<std::vector<float>>& slopes) {
    const int64_t taps = op_.window.kernelHeight * op_.window.kernelWidth;
    const auto cut = [](const std::vector<float>& values, int64_t first, int64_t count) {
      return values.empty() ? values
                            : std::vector<float>(values.begin() + first, values.begin() + first + count);
    };
    std::vector<Epilogue::Part> parts;
    std::vector<const float*> lanes;  // the I x KH x KW weights of each output lane
    for (size_t p = 0; p < op_.parts.size(); ++p) {
      const int64_t channels = op_.parts[p].outChannels / op_.groups, first = group * channels;
      parts.push_back({channels, op_.parts[p].activation.kind, cut(folded[p].bias, first, channels),
                       cut(slopes[p], first, channels)});
      for (int64_t c = 0; c < roundUp(channels, isa().lanes); ++c)
        lanes.push_back(c < channels ? folded[p].weight.data() + (first + c) * groupIn_ * taps : nullptr);
    }
    Epilogue epilogue(parts);
    // Term k of the sum is (ky, kx, channel) with the channel innermost, as the inputs lie in memory.
    GemmWeights packed(taps_ * run_, epilogue.vectors(), [&](int64_t k, int64_t lane) {
      const float* weight = lanes[static_cast<size_t>(lane)];
      return weight ? weight[k % groupIn_ * taps + k / groupIn_] : 0.0f;
    });
    groups_.push_back({std::move(epilogue), std::move(packed)});
  }

  void bindGroup(int64_t group, const std::vector<View>& outputs, const View* residual,
                 GemmColumn* columns) const {
    const int64_t channels = op_.outChannels() / op_.groups;
    std::vector<View> slices = outputs;
    View residualSlice;
    if (op_.groups > 1) slices[0].data = outputs[0].as<float>() + group * channels;
    if (residual) {
      residualSlice = *residual;
      if (op_.groups > 1) residualSlice.data = residual->as<float>() + group * channels;
    }
    groups_[static_cast<size_t>(group)].epilogue.bind(slices, residual ? &residualSlice : nullptr, columns);
  }

  int64_t tileRows() const { return groups_[0].weights.rows(); }
  int64_t pointerCount() const { return roundUp(kTilesPerPass * taps_ * tileRows(), 8); }

  // The images with zeros around them, dense.
  View padImages(const View& in, float* memory) const {
    const Window& w = op_.window;
    View padded{memory, DType::f32, in.count, padded_, padded_.channels};
    const int64_t row = padded_.width * padded_.channels, left = w.padLeft * padded_.channels;
    const int64_t inRow = in_.width * in_.channels;
    float* to = memory;
    for (int64_t n = 0; n < in.count; ++n)
      for (int64_t y = -w.padTop; y < in_.height + w.padBottom; ++y, to += row) {
        std::fill_n(to, row, 0.0f);
        if (y < 0 || y >= in_.height) continue;
        const float* from = in.as<float>() + (n * in_.height + y) * in_.width * in.pixelStride;
        if (in.dense())
          std::copy_n(from, inRow, to + left);
        else
          for (int64_t x = 0; x < in_.width; ++x)
            std::copy_n(from + x * in.pixelStride, in_.channels, to + left + x * in_.channels);
      }
    return padded;
  }

  // rows[tap * tileRows() + i] for output pixels first..first + tileRows(); pixels past `end` repeat the last
  // one.
  void pointAt(const View& in, int64_t channel, int64_t first, int64_t end, const float** rows) const {
    const Window& w = op_.window;
    const float* base = in.as<float>() + channel;
    if (w.pointwise()) {
      for (int64_t i = 0; i < tileRows(); ++i) rows[i] = base + std::min(first + i, end - 1) * in.pixelStride;
      return;
    }
    const int64_t padTop = rows_ ? 0 : w.padTop, padLeft = rows_ ? 0 : w.padLeft;
    int64_t image = first / out_.pixels(), y = first % out_.pixels() / out_.width, x = first % out_.width;
    for (int64_t i = 0; i < tileRows(); ++i) {
      pointAtPixel(in, base + image * in.imageStride(), y * w.strideHeight - padTop,
                   x * w.strideWidth - padLeft, rows + i);
      if (first + i + 1 >= end) continue;
      if (++x == out_.width) x = 0, ++y;
      if (y == out_.height) y = 0, ++image;
    }
  }

  // The taps of the window whose corner is at (y0, x0) of an image.
  void pointAtPixel(const View& in, const float* image, int64_t y0, int64_t x0, const float** row) const {
    const Window& w = op_.window;
    const int64_t across = rows_ ? 1 : w.kernelWidth, rows = tileRows();
    const float* corner = image + (y0 * in.shape.width + x0) * in.pixelStride;
    const bool inside =
        y0 >= 0 && y0 + w.kernelHeight <= in.shape.height && x0 >= 0 && x0 + w.kernelWidth <= in.shape.width;
    for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
      for (int64_t kx = 0; kx < across; ++kx, row += rows) {
        const bool here =
            inside || (y0 + ky >= 0 && y0 + ky < in.shape.height && x0 + kx >= 0 && x0 + kx < in.shape.width);
        *row = here ? corner + (ky * in.shape.width + kx) * in.pixelStride : zeros_.data();
      }
  }

  void multiply(const View& in, const GemmWeights& weights, int64_t channel, const GemmColumn* columns,
                const float** pointers, int64_t pixels) const {
    const int64_t rows = tileRows(), tilePointers = taps_ * rows;
    for (int64_t pass = 0; pass < pixels; pass += kTilesPerPass * rows) {
      const int64_t end = std::min(pixels, pass + kTilesPerPass * rows);
      for (int64_t first = pass; first < end; first += rows)
        pointAt(in, channel, first, end, pointers + (first - pass) / rows * tilePointers);
      for (size_t panel = 0; panel < weights.panels(); ++panel)
        for (int64_t first = pass; first < end; first += rows)
          weights.multiply({.rows = pointers + (first - pass) / rows * tilePointers,
                            .tapStride = rows,
                            .valid = std::min(rows, end - first),
                            .taps = taps_,
                            .run = run_,
                            .firstPixel = first},
                           columns, panel);
    }
  }

  Conv2d op_;
  Shape in_, out_;
  bool rows_;
  int64_t groupIn_;
  int64_t taps_, run_;
  Shape padded_;
  std::vector<float> zeros_;
  std::vector<Group> groups_;
};

}  // namespace

std::unique_ptr<Kernel> makeConvGemm(const Plan& plan, const Step& step, const Weights& weights) {
  return std::make_unique<ConvGemm>(plan, step, weights);
}

}  // namespace facenet::cpu
