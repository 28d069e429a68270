// preprocess: uint8 RGB images to the network's input.

#include <algorithm>
#include <cmath>

#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/threads.h"

namespace facenet::cpu {

namespace {

class PreprocessKernel final : public Kernel {
 public:
  explicit PreprocessKernel(const Preprocess& op) : op_(op) {}

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void*) const override {
    const View& in = inputs[0];
    const View& out = outputs[0];
    const bool straight = !op_.grey && op_.order == std::array<int, 3>{0, 1, 2} && out.dense();
    if (straight && !op_.perImage) {
      isa().normalizePixels(in.as<uint8_t>(), in.count * in.shape.elements(), op_.mean.data(),
                            op_.scale.data(), out);
      return;
    }
    for (int64_t n = 0; n < in.count; ++n) runImage(in, out, n);
  }

  std::string describe() const override { return isa().name; }

 private:
  float channel(const uint8_t* pixel, int64_t c) const {
    if (op_.grey) return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
    return static_cast<float>(pixel[op_.order[static_cast<size_t>(c)]]);
  }

  // mean and scale of one image, standardised: one pass over its values.
  void standardize(const uint8_t* pixels, int64_t count, int64_t channels, float& mean, float& scale) const {
    double sum = 0, squares = 0;
    for (int64_t p = 0; p < count; ++p)
      for (int64_t c = 0; c < channels; ++c) {
        const double value = channel(pixels + p * 3, c);
        sum += value;
        squares += value * value;
      }
    const double elements = static_cast<double>(count * channels), average = sum / elements;
    const double deviation = std::sqrt(std::max(0.0, squares / elements - average * average));
    mean = static_cast<float>(average);
    scale = static_cast<float>(1.0 / std::max(deviation, 1.0 / std::sqrt(elements)));
  }

  void runImage(const View& in, const View& out, int64_t n) const {
    const int64_t pixels = in.shape.pixels(), channels = out.shape.channels;
    const uint8_t* from = in.as<uint8_t>() + n * in.imageStride();
    std::array<float, 3> mean = op_.mean, scale = op_.scale;
    if (op_.perImage) {
      standardize(from, pixels, channels, mean[0], scale[0]);
      mean.fill(mean[0]);
      scale.fill(scale[0]);
    }
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < channels; ++c) {
        const float value =
            (channel(from + p * 3, c) - mean[static_cast<size_t>(c)]) * scale[static_cast<size_t>(c)];
        const int64_t element = n * out.imageStride() + p * out.pixelStride + c;
        if (out.dtype == DType::f32)
          out.as<float>()[element] = value;
        else
          out.as<bf16>()[element] = toBf16(value);
      }
  }

  Preprocess op_;
};

// Images have no gradient.
class PreprocessTraining final : public TrainKernel {
 public:
  explicit PreprocessTraining(const Preprocess& op) : kernel_(op) {}
  void forward(const Pass& pass) const override {
    share(pass, pass.x[0].count,
          [&](int64_t n) { kernel_.run({image(pass.x[0], n)}, {image(pass.y[0], n)}, nullptr); });
  }
  void backward(const Pass&, const Gradients& gradients) const override {
    FACENET_ASSERT(!gradients.dx[0].data);
  }
  std::string describe() const override { return kernel_.describe(); }

 private:
  PreprocessKernel kernel_;
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Preprocess& op, const StepContext&) {
  return std::make_unique<PreprocessKernel>(op);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Preprocess& op, const TrainContext&) {
  return std::make_unique<PreprocessTraining>(op);
}

}  // namespace facenet::cpu
