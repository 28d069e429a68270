// uint8 RGB pixels to network input: channel order or grey, then a fixed or a per-image normalisation.
#include <algorithm>
#include <cmath>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {
namespace {

// Channel c of the network's image, before normalisation; `pixel` is the index of its red value.
double channelValue(const Preprocess& op, const View& in, int64_t pixel, int64_t c) {
  // Luma of ITU-R BT.601.
  if (op.grey) return 0.299 * load(in, pixel) + 0.587 * load(in, pixel + 1) + 0.114 * load(in, pixel + 2);
  return load(in, pixel + op.order[c]);
}

// y = (x - mean) * scale
struct Line {
  double mean, scale;
};

// Mean and 1 / max(standard deviation, 1 / sqrt(elements)) of image n.
Line standardization(const Preprocess& op, const View& in, int64_t n, int64_t channels) {
  const double elements = static_cast<double>(in.shape.pixels() * channels);
  double sum = 0, squares = 0;
  for (int64_t pixel = 0; pixel < in.shape.pixels(); ++pixel) {
    for (int64_t c = 0; c < channels; ++c) {
      const double value = channelValue(op, in, n * in.imageStride() + pixel * in.pixelStride, c);
      sum += value;
      squares += value * value;
    }
  }
  const double mean = sum / elements;
  const double variance = std::max(squares / elements - mean * mean, 0.0);
  return {mean, 1 / std::max(std::sqrt(variance), 1 / std::sqrt(elements))};
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Preprocess& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    const int64_t channels = out.shape.channels;
    std::vector<Line> images;
    if (op.perImage)
      for (int64_t n = 0; n < in.count; ++n) images.push_back(standardization(op, in, n, channels));
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < channels; ++c) {
        const Line line = op.perImage ? images[n] : Line{op.mean[c], op.scale[c]};
        const double value = channelValue(op, in, pixelIndex(in, n, y, x), c);
        store(out, pixelIndex(out, n, y, x) + c, (value - line.mean) * line.scale);
      }
    });
  });
}

namespace {

// Images have no gradient.
template <class Real>
class PreprocessLoops final : public PlainLoops<Preprocess> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass&, const Gradients& gradients) const override {
    FACENET_ASSERT(!gradients.dx[0].data);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Preprocess& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<PreprocessLoops>(op, context, sums);
}

}  // namespace facenet::reference
