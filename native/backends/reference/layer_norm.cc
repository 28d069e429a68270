// Each pixel by the mean and variance of its channels.
#include <cmath>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

namespace {

// Of one pixel, whose channels begin at index `first`.
template <class Real>
struct Statistics {
  Statistics(const View& x, int64_t first, float epsilon) {
    const int64_t channels = x.shape.channels;
    const auto count = static_cast<Real>(channels);
    for (int64_t c = 0; c < channels; ++c) mean += static_cast<Real>(load(x, first + c)) / count;
    Real variance = 0;
    for (int64_t c = 0; c < channels; ++c) {
      const Real difference = static_cast<Real>(load(x, first + c)) - mean;
      variance += difference * difference / count;
    }
    inverse = 1 / std::sqrt(variance + static_cast<Real>(epsilon));
  }

  Real normalized(double value) const { return (static_cast<Real>(value) - mean) * inverse; }

  Real mean = 0, inverse = 0;  // inverse: 1 / sqrt(variance + epsilon)
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const LayerNorm& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &x = inputs[0], &y = outputs[0];
    forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
      const int64_t from = pixelIndex(x, n, row, column), to = pixelIndex(y, n, row, column);
      const Statistics<double> statistics(x, from, op.epsilon);
      for (int64_t c = 0; c < x.shape.channels; ++c)
        store(y, to + c, statistics.normalized(load(x, from + c)));
    });
  });
}

namespace {

template <class Real>
class LayerNormLoops final : public PlainLoops<LayerNorm> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &x = pass.x[0], &dy = gradients.dy[0];
    const int64_t channels = x.shape.channels;
    const auto count = static_cast<Real>(channels);
    Batch<Real> dx(x);
    forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
      const int64_t from = pixelIndex(x, n, row, column), gradient = pixelIndex(dy, n, row, column);
      const Statistics<Real> statistics(x, from, op_.epsilon);
      Real sum = 0, product = 0;
      for (int64_t c = 0; c < channels; ++c) {
        const auto g = static_cast<Real>(load(dy, gradient + c));
        sum += g;
        product += g * statistics.normalized(load(x, from + c));
      }
      for (int64_t c = 0; c < channels; ++c) {
        const auto g = static_cast<Real>(load(dy, gradient + c));
        const Real rest = g - sum / count - statistics.normalized(load(x, from + c)) * product / count;
        dx.at(n, row, column, c) = rest * statistics.inverse;
      }
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const LayerNorm& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<LayerNormLoops>(op, context, sums);
}

}  // namespace facenet::reference
