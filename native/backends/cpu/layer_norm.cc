// Each pixel by the mean and variance of its channels. Values are centred before they are squared, so that a pixel whose
// channels hardly differ keeps its bits.
#include <algorithm>
#include <array>
#include <cmath>

#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

// Sums of one pixel, in fp64: in lanes that are added at the end, so that a compiler can make vectors of them.
constexpr int64_t kLanes = 8;
template <class Term>
double channelSum(int64_t channels, Term term) {
  std::array<double, kLanes> lanes{};
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      lanes[static_cast<size_t>(lane)] += static_cast<double>(term(c + lane));
  double sum = 0;
  for (; c < channels; ++c) sum += static_cast<double>(term(c));
  for (const double lane : lanes) sum += lane;
  return sum;
}

struct Statistics {
  Statistics(const float* x, int64_t channels, float epsilon) {
    const auto count = static_cast<double>(channels);
    mean = static_cast<float>(channelSum(channels, [=](int64_t c) { return x[c]; }) / count);
    // What fp32 cannot hold of the mean is taken off after it.
    rest = channelSum(channels, [=, this](int64_t c) { return x[c] - mean; }) / count;
    const double squares = channelSum(channels, [=, this](int64_t c) {
      const double difference = static_cast<double>(x[c] - mean);
      return difference * difference;
    });
    inverse = 1 / std::sqrt(squares / count - rest * rest + static_cast<double>(epsilon));
  }

  float normalized(float value) const {
    return static_cast<float>((static_cast<double>(value - mean) - rest) * inverse);
  }

  float mean;
  double rest, inverse;
};

void normalizePixel(const float* x, float* y, int64_t channels, float epsilon) {
  const Statistics statistics(x, channels, epsilon);
  for (int64_t c = 0; c < channels; ++c) y[c] = statistics.normalized(x[c]);
}

const float* pixelOf(const View& view, int64_t pixel) {
  return view.as<float>() + pixel * view.pixelStride;
}

struct LayerNormTraining {
  float epsilon;

  void forward(const Images& i) const {
    const View &x = i.x[0], &y = i.y[0];
    for (int64_t p = 0; p < x.shape.pixels(); ++p)
      normalizePixel(pixelOf(x, p), y.as<float>() + p * y.pixelStride, x.shape.channels, epsilon);
  }
  void backward(const Images& i) const {
    const int64_t channels = i.x[0].shape.channels;
    const auto count = static_cast<double>(channels);
    for (int64_t p = 0; p < i.x[0].shape.pixels(); ++p) {
      const float *x = pixelOf(i.x[0], p), *dy = pixelOf(i.dy[0], p);
      const Statistics statistics(x, channels, epsilon);
      const double sum = channelSum(channels, [=](int64_t c) { return dy[c]; }) / count;
      const double product =
          channelSum(channels,
                     [&](int64_t c) { return static_cast<double>(dy[c]) * statistics.normalized(x[c]); }) /
          count;
      for (int64_t c = 0; c < channels; ++c)
        i.put(0, p, c,
              static_cast<float>((dy[c] - sum - statistics.normalized(x[c]) * product) * statistics.inverse));
    }
  }
};

View dense(void* memory, const Shape& shape) {
  return {memory, DType::f32, 1, shape, shape.channels};
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const LayerNorm& op, const StepContext& context) {
  const int64_t row = context.input().shape.width * context.input().shape.channels;
  return lambdaKernel(
      [epsilon = op.epsilon](Views in, Views out, void* scratch) {
        const Shape& shape = in[0].shape;
        const Shape line{1, shape.width, shape.channels};
        const View values = dense(scratch, line);
        for (int64_t n = 0; n < in[0].count; ++n)
          for (int64_t y = 0; y < shape.height; ++y) {
            isa().convert(rows(image(in[0], n), y, 1), values);
            for (int64_t p = 0; p < shape.width; ++p) {
              float* pixel = values.as<float>() + p * shape.channels;
              normalizePixel(pixel, pixel, shape.channels, epsilon);
            }
            isa().convert(values, rows(image(out[0], n), y, 1));
          }
      },
      row * 4, Cut::rows);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const LayerNorm& op, const TrainContext&) {
  return byImage(LayerNormTraining{op.epsilon});
}

}  // namespace facenet::cpu
