// Batch normalisation, by the statistics of the chunk in training, and affine.
#include <cmath>

#include "native/backends/cpu/channel_parameters.h"
#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

class NormTraining final : public TrainKernel {
 public:
  NormTraining(const Norm& op, const TrainContext& context)
      : op_(op),
        channels_(context.input().shape.channels),
        scale_(context, op_.scale, 1),
        shift_(context, op_.shift, 0),
        mean_(context, op_.mean, 0),
        variance_(context, op_.variance, 1) {}

  // The mean of each channel and 1 / sqrt(variance + epsilon).
  int64_t savedBytes(int64_t) const override { return 2 * channels_ * static_cast<int64_t>(sizeof(float)); }

  void forward(const Pass& pass) const override {
    auto *mean = static_cast<float*>(pass.saved), *inverse = mean + channels_;
    normalization(pass, mean, inverse);
    std::vector<float> scale(static_cast<size_t>(channels_)), shift(static_cast<size_t>(channels_));
    for (int64_t c = 0; c < channels_; ++c) {
      const auto i = static_cast<size_t>(c);
      scale[i] = scale_.value(pass, c) * inverse[c];
      shift[i] = static_cast<float>(shift_.value(pass, c) - static_cast<double>(mean[c]) * scale[i]);
    }
    share(pass, pass.x[0].count, [&](int64_t n) {
      isa().scaleShift(image(pass.x[0], n), image(pass.y[0], n), scale.data(), shift.data());
    });
  }

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const auto *mean = static_cast<const float*>(pass.saved), *inverse = mean + channels_;
    const auto length = static_cast<size_t>(channels_);
    const std::vector<double> both = sumImages(pass, 2 * channels_, [&](int64_t n, double* sums) {
      const View x = image(pass.x[0], n);
      isa().channelSums(image(gradients.dy[0], n), &x, mean, sums, sums + channels_);
    });
    const std::vector<double> sums(both.begin(), both.begin() + channels_);
    std::vector<double> products(both.begin() + channels_, both.end());
    for (size_t c = 0; c < length; ++c) products[c] *= static_cast<double>(inverse[c]);
    shift_.add(gradients, sums);
    scale_.add(gradients, products);
    if (!gradients.dx[0].data) return;

    // dx = a dy + b x + c
    std::vector<float> a(length), b(length), c(length);
    const auto m = static_cast<double>(pass.x[0].count * pass.x[0].shape.pixels());
    for (size_t i = 0; i < length; ++i) {
      const double factor = static_cast<double>(scale_.value(pass, static_cast<int64_t>(i))) * inverse[i];
      const double slope = usesBatch(pass) ? -factor * inverse[i] * products[i] / m : 0;
      a[i] = static_cast<float>(factor);
      b[i] = static_cast<float>(slope);
      c[i] = static_cast<float>(usesBatch(pass) ? -factor * sums[i] / m - slope * static_cast<double>(mean[i])
                                                : 0);
    }
    share(pass, pass.x[0].count, [&](int64_t n) {
      isa().normGradient(image(gradients.dy[0], n), image(pass.x[0], n), a.data(), b.data(), c.data(),
                         image(gradients.dx[0], n), gradients.accumulate[0]);
    });
  }

  std::string describe() const override { return isa().name; }

 private:
  bool usesBatch(const Pass& pass) const { return op_.batch() && !pass.runningStatistics; }

  void normalization(const Pass& pass, float* mean, float* inverse) const {
    if (usesBatch(pass)) return batchStatistics(pass, mean, inverse);
    for (int64_t c = 0; c < channels_; ++c) {
      mean[c] = mean_.value(pass, c);
      inverse[c] =
          op_.batch()
              ? static_cast<float>(1 / std::sqrt(static_cast<double>(variance_.value(pass, c)) + op_.epsilon))
              : 1;
    }
  }

  void batchStatistics(const Pass& pass, float* mean, float* inverse) const {
    const int64_t count = pass.x[0].count * pass.x[0].shape.pixels();
    const auto m = static_cast<double>(count);
    std::vector<double> means = sumImages(pass, channels_, [&](int64_t n, double* sums) {
      isa().channelSums(image(pass.x[0], n), nullptr, nullptr, sums, nullptr);
    });
    for (int64_t c = 0; c < channels_; ++c) mean[c] = static_cast<float>(means[static_cast<size_t>(c)] /= m);
    std::vector<double> variances = sumImages(pass, channels_, [&](int64_t n, double* sums) {
      isa().squaredSums(image(pass.x[0], n), mean, sums);
    });
    for (int64_t c = 0; c < channels_; ++c) {
      const double variance = variances[static_cast<size_t>(c)] /= m;
      inverse[c] = static_cast<float>(1 / std::sqrt(variance + op_.epsilon));
    }
    if (pass.statisticsRate == 0) return;
    mean_.move(pass, means, 1);
    variance_.move(pass, variances, count > 1 ? m / (m - 1) : 1);
  }

  Norm op_;
  int64_t channels_;
  ChannelParameter scale_, shift_, mean_, variance_;
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Norm& op, const StepContext& context) {
  const auto folded = foldNorm(op, context.input().shape.channels, context.weights, context.step.name);
  return lambdaKernel(
      [folded](Views in, Views out, void*) {
        isa().scaleShift(in[0], out[0], folded.scale.data(), folded.shift.data());
      },
      0, Cut::rows);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Norm& op, const TrainContext& context) {
  return std::make_unique<NormTraining>(op, context);
}

}  // namespace facenet::cpu
