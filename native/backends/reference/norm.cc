// Batch normalisation and affine where they stand alone: one scale and one shift per channel. In training by the
// statistics of the chunk.
#include <cmath>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

std::unique_ptr<Kernel> makeKernel(const Norm& op, const StepContext& context) {
  const ScaleShift norm = foldNorm(op, context.input().shape.channels, context.weights, context.step.name);
  return plainLoop([norm](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c) {
        const double value = load(in, pixelIndex(in, n, y, x) + c);
        store(out, pixelIndex(out, n, y, x) + c, value * norm.scale[c] + norm.shift[c]);
      }
    });
  });
}

namespace {

template <class Real>
class NormLoops final : public PlainLoops<Norm> {
 public:
  using PlainLoops::PlainLoops;

  void forward(const Pass& pass) const override {
    const View &x = pass.x[0], &y = pass.y[0];
    const Statistics statistics = normalization(pass);
    const Sum<Real> scale(context_, op_.scale, pass, 1), shift(context_, op_.shift, pass);
    forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t c = 0; c < x.shape.channels; ++c)
        store(y, pixelIndex(y, n, row, column) + c,
              statistics.normalized(x, n, row, column, c) * scale.value(c) + shift.value(c));
    });
    if (usesBatch(pass)) moveRunning(pass, statistics);
  }

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &x = pass.x[0], &dy = gradients.dy[0];
    const int64_t channels = x.shape.channels;
    const Statistics statistics = normalization(pass);
    Sum<Real> scale(context_, op_.scale, pass, 1), shift(context_, op_.shift, pass);
    std::vector<Real> sums(static_cast<size_t>(channels)), products(static_cast<size_t>(channels));
    forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t c = 0; c < channels; ++c) {
        const auto g = static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
        sums[static_cast<size_t>(c)] += g;
        products[static_cast<size_t>(c)] += g * statistics.normalized(x, n, row, column, c);
      }
    });

    const auto count = static_cast<Real>(x.count * x.shape.pixels());
    Batch<Real> dx(x);
    forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t c = 0; c < channels; ++c) {
        const auto i = static_cast<size_t>(c);
        auto g = static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
        if (usesBatch(pass))
          g -= sums[i] / count + statistics.normalized(x, n, row, column, c) * products[i] / count;
        dx.at(n, row, column, c) = g * scale.value(c) * statistics.inverse[i];
      }
    });
    for (int64_t c = 0; c < channels; ++c) {
      scale.add(c, products[static_cast<size_t>(c)]);
      shift.add(c, sums[static_cast<size_t>(c)]);
    }
    dx.write(gradients.dx[0], gradients.accumulate[0]);
    scale.write(gradients);
    shift.write(gradients);
  }

 private:
  struct Statistics {
    std::vector<Real> mean, variance, inverse;  // inverse: 1 / sqrt(variance + epsilon)

    Real normalized(const View& x, int64_t n, int64_t row, int64_t column, int64_t c) const {
      const auto i = static_cast<size_t>(c);
      return (static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c)) - mean[i]) * inverse[i];
    }
  };

  bool usesBatch(const Pass& pass) const { return op_.batch() && !pass.runningStatistics; }

  // What x is normalised by; nothing for an affine.
  Statistics normalization(const Pass& pass) const {
    const auto channels = static_cast<size_t>(pass.x[0].shape.channels);
    if (usesBatch(pass)) return batchStatistics(pass.x[0]);
    Statistics result{std::vector<Real>(channels), std::vector<Real>(channels, 1),
                      std::vector<Real>(channels, 1)};
    if (!op_.batch()) return result;
    const Sum<Real> mean(context_, op_.mean, pass), variance(context_, op_.variance, pass);
    for (size_t c = 0; c < channels; ++c) {
      result.mean[c] = mean.value(static_cast<int64_t>(c));
      result.variance[c] = variance.value(static_cast<int64_t>(c));
      result.inverse[c] = 1 / std::sqrt(result.variance[c] + static_cast<Real>(op_.epsilon));
    }
    return result;
  }

  Statistics batchStatistics(const View& x) const {
    const auto channels = static_cast<size_t>(x.shape.channels);
    const auto count = static_cast<Real>(x.count * x.shape.pixels());
    Statistics result{std::vector<Real>(channels), std::vector<Real>(channels), std::vector<Real>(channels)};
    const auto add = [&](std::vector<Real>& sums, auto term) {
      forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
        for (size_t c = 0; c < channels; ++c)
          sums[c] +=
              term(static_cast<Real>(load(x, pixelIndex(x, n, row, column) + static_cast<int64_t>(c))), c);
      });
      for (Real& sum : sums) sum /= count;
    };
    add(result.mean, [](Real value, size_t) { return value; });
    add(result.variance,
        [&](Real value, size_t c) { return (value - result.mean[c]) * (value - result.mean[c]); });
    for (size_t c = 0; c < channels; ++c)
      result.inverse[c] = 1 / std::sqrt(result.variance[c] + static_cast<Real>(op_.epsilon));
    return result;
  }

  void moveRunning(const Pass& pass, const Statistics& statistics) const {
    if (pass.statisticsRate == 0) return;
    const int64_t count = pass.x[0].count * pass.x[0].shape.pixels();
    const Real unbiased = count > 1 ? static_cast<Real>(count) / static_cast<Real>(count - 1) : 1;
    const auto move = [&](const std::string& name, const std::vector<Real>& batch, Real times) {
      if (name.empty()) return;
      const Parameter& parameter = context_.parameters.at(name);
      float* running = pass.parameters + parameter.offset;
      const int64_t elements = parameter.elements();
      for (int64_t e = 0; e < elements; ++e) {
        // One element for all channels follows their mean.
        Real target = 0;
        if (elements == 1)
          for (Real value : batch) target += value / static_cast<Real>(batch.size());
        else
          target = batch[static_cast<size_t>(e)];
        running[e] +=
            static_cast<float>(static_cast<Real>(pass.statisticsRate) * (times * target - running[e]));
      }
    };
    move(op_.mean, statistics.mean, 1);
    move(op_.variance, statistics.variance, unbiased);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Norm& op, const TrainContext& context, Precision sums) {
  return makeLoops<NormLoops>(op, context, sums);
}

}  // namespace facenet::reference
