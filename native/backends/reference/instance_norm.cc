// Each channel of an image by its own mean and variance.
#include <cmath>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

namespace {

// Of one channel of an image.
template <class Real>
struct Statistics {
  Statistics(const View& x, int64_t n, int64_t c, float epsilon) {
    const auto count = static_cast<Real>(x.shape.pixels());
    eachPixel(x, [&](int64_t row, int64_t column) {
      mean += static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c)) / count;
    });
    Real variance = 0;
    eachPixel(x, [&](int64_t row, int64_t column) {
      const Real difference = static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c)) - mean;
      variance += difference * difference / count;
    });
    inverse = 1 / std::sqrt(variance + static_cast<Real>(epsilon));
  }

  Real normalized(double value) const { return (static_cast<Real>(value) - mean) * inverse; }

  template <class Body>
  static void eachPixel(const View& view, Body body) {
    for (int64_t row = 0; row < view.shape.height; ++row)
      for (int64_t column = 0; column < view.shape.width; ++column) body(row, column);
  }

  Real mean = 0, inverse = 0;  // inverse: 1 / sqrt(variance + epsilon)
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const InstanceNorm& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &x = inputs[0], &y = outputs[0];
    for (int64_t n = 0; n < x.count; ++n)
      for (int64_t c = 0; c < x.shape.channels; ++c) {
        const Statistics<double> statistics(x, n, c, op.epsilon);
        statistics.eachPixel(x, [&](int64_t row, int64_t column) {
          store(y, pixelIndex(y, n, row, column) + c,
                statistics.normalized(load(x, pixelIndex(x, n, row, column) + c)));
        });
      }
  });
}

namespace {

template <class Real>
class InstanceNormLoops final : public PlainLoops<InstanceNorm> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    Batch<Real> dx(pass.x[0]);
    for (int64_t n = 0; n < pass.x[0].count; ++n)
      for (int64_t c = 0; c < dx.shape.channels; ++c) addChannel(pass.x[0], gradients.dy[0], n, c, dx);
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }

 private:
  void addChannel(const View& x, const View& dy, int64_t n, int64_t c, Batch<Real>& dx) const {
    const Statistics<Real> statistics(x, n, c, op_.epsilon);
    const auto normalized = [&](int64_t row, int64_t column) {
      return statistics.normalized(load(x, pixelIndex(x, n, row, column) + c));
    };
    const auto gradient = [&](int64_t row, int64_t column) {
      return static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
    };
    Real sum = 0, product = 0;
    statistics.eachPixel(x, [&](int64_t row, int64_t column) {
      sum += gradient(row, column);
      product += gradient(row, column) * normalized(row, column);
    });
    const auto count = static_cast<Real>(x.shape.pixels());
    statistics.eachPixel(x, [&](int64_t row, int64_t column) {
      const Real rest = gradient(row, column) - sum / count - normalized(row, column) * product / count;
      dx.at(n, row, column, c) = rest * statistics.inverse;
    });
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const InstanceNorm& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<InstanceNormLoops>(op, context, sums);
}

}  // namespace facenet::reference
