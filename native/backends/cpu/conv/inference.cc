// conv2d on an image of few channels. Once the image has its padding around it, a kernel row of neighbouring
// pixels is one run of memory; the runs of a tile of output pixels are gathered into L1 and multiplied as one
// long row each.

#include "native/backends/cpu/conv/choice.h"
#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/conv/forward.h"

namespace facenet::cpu {

namespace {

class ConvStem final : public Kernel {
 public:
  ConvStem(const Plan& plan, const Step& step, const Weights& weights)
      : op_(std::get<Conv2d>(step.op)),
        in_(plan.tensors[static_cast<size_t>(step.inputs[0])].shape),
        out_(plan.tensors[static_cast<size_t>(step.outputs[0])].shape),
        padded_{in_.height + op_.window.padTop + op_.window.padBottom,
                in_.width + op_.window.padLeft + op_.window.padRight, in_.channels},
        run_(op_.window.kernelWidth * in_.channels),
        depth_(op_.window.kernelHeight * run_),
        packed_(std::move(packConv(op_, in_.channels, weights, step.name)[0])) {}

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    auto* columns = static_cast<GemmColumn*>(scratch);
    auto* gathered = reinterpret_cast<float*>(columns + packed_.epilogue.vectors());
    auto* padded = gathered + gatheredFloats();
    packed_.epilogue.bind(outputs, op_.residual ? &inputs[1] : nullptr, columns);
    for (int64_t n = 0; n < inputs[0].count; ++n) {
      padImage(inputs[0], n, padded);
      for (int64_t first = 0; first < out_.pixels(); first += tileRows())
        multiplyTile(padded, gathered, columns, n * out_.pixels(), first);
    }
  }

  int64_t scratchBytes(int64_t) const override {
    const int64_t slack = isa().lanes;  // packRuns reads up to a vector past a run
    return packed_.epilogue.vectors() * static_cast<int64_t>(sizeof(GemmColumn)) +
           (gatheredFloats() + padded_.elements() + slack) * 4;
  }

  std::string describe() const override { return "stem " + packed_.weights.describe(); }

 private:
  int64_t tileRows() const { return packed_.weights.rows(); }
  int64_t gatheredFloats() const { return roundUp(tileRows() * depth_ + isa().lanes, 16); }

  void padImage(const View& in, int64_t n, float* to) const {
    const Window& w = op_.window;
    const int64_t row = padded_.width * padded_.channels, left = w.padLeft * padded_.channels;
    for (int64_t y = -w.padTop; y < in_.height + w.padBottom; ++y, to += row) {
      std::fill_n(to, row, 0.0f);
      if (y < 0 || y >= in_.height) continue;
      const float* from = in.as<float>() + (n * in_.height + y) * in_.width * in.pixelStride;
      if (in.dense())
        std::copy_n(from, in_.width * in_.channels, to + left);
      else
        for (int64_t x = 0; x < in_.width; ++x)
          std::copy_n(from + x * in.pixelStride, in_.channels, to + left + x * in_.channels);
    }
  }

  void multiplyTile(const float* padded, float* gathered, const GemmColumn* columns, int64_t imagePixel,
                    int64_t first) const {
    const Window& w = op_.window;
    const int64_t count = std::min(tileRows(), out_.pixels() - first);
    const int64_t row = padded_.width * padded_.channels;
    const float *runs[kMaxTileRows * kMaxStemKernel], *rows[kMaxTileRows];
    for (int64_t i = 0; i < tileRows(); ++i) {
      const int64_t pixel = first + std::min(i, count - 1);
      const float* corner = padded + pixel / out_.width * w.strideHeight * row +
                            pixel % out_.width * w.strideWidth * padded_.channels;
      for (int64_t ky = 0; ky < w.kernelHeight; ++ky) runs[ky * tileRows() + i] = corner + ky * row;
      rows[i] = gathered + std::min(i, count - 1) * depth_;
    }
    isa().packRuns(runs, tileRows(), count, w.kernelHeight, run_, gathered, depth_);
    for (size_t panel = 0; panel < packed_.weights.panels(); ++panel)
      packed_.weights.multiply({.rows = rows,
                                .tapStride = tileRows(),
                                .valid = count,
                                .taps = 1,
                                .run = depth_,
                                .firstPixel = imagePixel + first},
                               columns, panel);
  }

  Conv2d op_;
  Shape in_, out_, padded_;
  int64_t run_, depth_;  // floats of a kernel row, and of a whole window
  PackedConv packed_;
};

}  // namespace

std::unique_ptr<Kernel> makeConvStem(const Plan& plan, const Step& step, const Weights& weights) {
  return std::make_unique<ConvStem>(plan, step, weights);
}

}  // namespace facenet::cpu
