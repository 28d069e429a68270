// conv2d as an implicit GEMM: the rows of the product are output pixels, whose inputs are read where they
// lie. Padding is a pointer to zeros, a slice of a concat is an output stride, sibling 1x1 reductions are
// more columns.

#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/conv/forward.h"

namespace facenet::cpu {

namespace {

// Pixels that share a pass over the weights: the weights come from far away once a pass, and the inputs of a
// pass should stay in L2 while all panels go over them. Their pointers take memory too.
constexpr int64_t kPassBytes = 512 << 10;
constexpr int64_t kPassPointers = 4096;

class ConvGemm final : public Kernel {
 public:
  ConvGemm(const Plan& plan, const Step& step, const Weights& weights)
      : op_(std::get<Conv2d>(step.op)),
        out_(plan.tensors[static_cast<size_t>(step.outputs[0])].shape),
        groupIn_(plan.tensors[static_cast<size_t>(step.inputs[0])].shape.channels / op_.groups),
        taps_(op_.window.kernelHeight * op_.window.kernelWidth),
        groups_(packConv(op_, groupIn_ * op_.groups, weights, step.name)),
        zeros_(static_cast<size_t>(groupIn_), 0.0f) {
    // Neighbouring windows overlap, so a pixel brings about stride^2 new pixels of input.
    const int64_t pixelBytes = op_.window.strideHeight * op_.window.strideWidth * groupIn_ * 4;
    passRows_ = std::min(kPassBytes / pixelBytes, kPassPointers / taps_);
    passRows_ = roundUp(std::max<int64_t>(passRows_, 1), tileRows());
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    auto* columns = static_cast<GemmColumn*>(scratch);
    auto* pointers = reinterpret_cast<const float**>(columns + groups_[0].epilogue.vectors());
    const View* residual = op_.residual ? &inputs[1] : nullptr;
    for (int64_t group = 0; group < op_.groups; ++group) {
      bindGroup(group, outputs, residual, columns);
      multiply(inputs[0], group, columns, pointers, outputs[0].count * out_.pixels());
    }
  }

  int64_t scratchBytes(int64_t) const override {
    return groups_[0].epilogue.vectors() * static_cast<int64_t>(sizeof(GemmColumn)) +
           taps_ * passRows_ * static_cast<int64_t>(sizeof(float*));
  }

  std::string describe() const override { return "implicit_gemm " + groups_[0].weights.describe(); }

 private:
  int64_t tileRows() const { return groups_[0].weights.rows(); }

  void bindGroup(int64_t group, std::vector<View> outputs, const View* residual, GemmColumn* columns) const {
    const int64_t first = group * (op_.outChannels() / op_.groups);
    if (op_.groups > 1) outputs[0].data = outputs[0].as<float>() + first;
    View slice = residual ? *residual : View{};
    if (residual && op_.groups > 1) slice.data = residual->as<float>() + first;
    groups_[static_cast<size_t>(group)].epilogue.bind(outputs, residual ? &slice : nullptr, columns);
  }

  // rows[tap * tileRows() + i] for output pixels first..first + tileRows(); pixels past `end` repeat the last
  // one.
  void pointAt(const View& in, const float* base, int64_t first, int64_t end, const float** rows) const {
    const Window& w = op_.window;
    if (w.pointwise()) {
      for (int64_t i = 0; i < tileRows(); ++i) rows[i] = base + std::min(first + i, end - 1) * in.pixelStride;
      return;
    }
    int64_t image = first / out_.pixels(), y = first % out_.pixels() / out_.width, x = first % out_.width;
    for (int64_t i = 0; i < tileRows(); ++i) {
      pointAtPixel(in, base + image * in.imageStride(), y * w.strideHeight - w.padTop,
                   x * w.strideWidth - w.padLeft, rows + i);
      if (first + i + 1 >= end) continue;
      if (++x == out_.width) x = 0, ++y;
      if (y == out_.height) y = 0, ++image;
    }
    if (w.padded()) dropDeadTaps(rows);
  }

  // The taps of the window whose corner is at (y0, x0) of an image.
  void pointAtPixel(const View& in, const float* image, int64_t y0, int64_t x0, const float** row) const {
    const Window& w = op_.window;
    const float* corner = image + (y0 * in.shape.width + x0) * in.pixelStride;
    const bool inside =
        y0 >= 0 && y0 + w.kernelHeight <= in.shape.height && x0 >= 0 && x0 + w.kernelWidth <= in.shape.width;
    for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
      for (int64_t kx = 0; kx < w.kernelWidth; ++kx, row += tileRows()) {
        const bool here =
            inside || (y0 + ky >= 0 && y0 + ky < in.shape.height && x0 + kx >= 0 && x0 + kx < in.shape.width);
        *row = here ? corner + (ky * in.shape.width + kx) * in.pixelStride : zeros_.data();
      }
  }

  // Marks the taps that are padding for every pixel of the tile, so that they are not multiplied.
  void dropDeadTaps(const float** rows) const {
    for (int64_t tap = 0; tap < taps_; ++tap, rows += tileRows())
      if (std::all_of(rows, rows + tileRows(), [&](const float* row) { return row == zeros_.data(); }))
        rows[0] = nullptr;
  }

  void multiply(const View& in, int64_t group, const GemmColumn* columns, const float** pointers,
                int64_t pixels) const {
    const GemmWeights& weights = groups_[static_cast<size_t>(group)].weights;
    const float* base = in.as<float>() + group * groupIn_;
    const int64_t rows = tileRows();
    for (int64_t pass = 0; pass < pixels; pass += passRows_) {
      const int64_t end = std::min(pixels, pass + passRows_);
      for (int64_t first = pass; first < end; first += rows)
        pointAt(in, base, first, end, pointers + (first - pass) * taps_);
      for (size_t panel = 0; panel < weights.panels(); ++panel)
        for (int64_t first = pass; first < end; first += rows)
          weights.multiply({.rows = pointers + (first - pass) * taps_,
                            .tapStride = rows,
                            .valid = std::min(rows, end - first),
                            .taps = taps_,
                            .run = groupIn_,
                            .firstPixel = first},
                           columns, panel);
    }
  }

  Conv2d op_;
  Shape out_;
  int64_t groupIn_, taps_;
  std::vector<PackedConv> groups_;
  std::vector<float> zeros_;
  int64_t passRows_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> makeConvGemm(const Plan& plan, const Step& step, const Weights& weights) {
  return std::make_unique<ConvGemm>(plan, step, weights);
}

}  // namespace facenet::cpu
