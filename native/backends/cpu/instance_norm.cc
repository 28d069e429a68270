// Each channel of an image by its own mean and variance. Values are centred before they are scaled: of a channel that hardly
// varies, what is left of them is small beside the mean.
#include <algorithm>
#include <cmath>

#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"
#include "native/core/integers.h"

namespace facenet::cpu {

namespace {

// Of one image: sums in fp64, and a few values for each channel. rest: the mean of what is centred in fp32.
struct Channels {
  int64_t count;
  double *sums, *products, *rest;
  float *shift, *scale, *ones;

  static int64_t bytes(int64_t channels) { return roundUp(channels * (3 * 8 + 3 * 4), 64); }
  Channels(void* memory, int64_t channels)
      : count(channels),
        sums(static_cast<double*>(memory)),
        products(sums + channels),
        rest(products + channels),
        shift(reinterpret_cast<float*>(rest + channels)),
        scale(shift + channels),
        ones(scale + channels) {
    std::fill_n(ones, channels, 1.0f);
  }

  // x, an image in fp32, less its mean in fp32; rest; and scale = 1 / sqrt(variance + epsilon). They may be one view.
  void center(const View& x, const View& centered, float epsilon) const {
    const auto pixels = static_cast<double>(x.shape.pixels());
    std::fill_n(sums, 2 * count, 0.0);
    isa().channelSums(x, nullptr, nullptr, sums, nullptr);
    for (int64_t c = 0; c < count; ++c) shift[c] = static_cast<float>(-sums[c] / pixels);
    isa().scaleShift(x, centered, ones, shift);
    std::fill_n(sums, 2 * count, 0.0);
    isa().channelSums(centered, &centered, nullptr, sums, products);
    for (int64_t c = 0; c < count; ++c) {
      rest[c] = sums[c] / pixels;
      const double variance = products[c] / pixels - rest[c] * rest[c];
      scale[c] = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(epsilon)));
    }
  }

  // What center has made of an image, as it is to be: scale (centered - rest).
  void normalize(const View& centered, const View& y) const {
    for (int64_t c = 0; c < count; ++c)
      shift[c] = static_cast<float>(-rest[c] * static_cast<double>(scale[c]));
    isa().scaleShift(centered, y, scale, shift);
  }
};

View dense(void* memory, const Shape& shape) {
  return {memory, DType::f32, 1, shape, shape.channels};
}

struct InstanceNormTraining {
  InstanceNorm op;

  void forward(const Images& i) const {
    const int64_t count = i.x[0].shape.channels;
    const Channels channels(threadMemory(Channels::bytes(count)), count);
    channels.center(i.x[0], i.y[0], op.epsilon);
    channels.normalize(i.y[0], i.y[0]);
  }

  // dx = scale dy + slope centered + shift
  void backward(const Images& i) const {
    const View &x = i.x[0], &dy = i.dy[0];
    const int64_t count = x.shape.channels, before = Channels::bytes(count);
    auto* memory = static_cast<char*>(threadMemory(before + x.shape.elements() * 4));
    const Channels channels(memory, count);
    const View centered = dense(memory + before, x.shape);
    channels.center(x, centered, op.epsilon);
    double *sums = channels.sums, *products = channels.products;
    std::fill_n(sums, 2 * count, 0.0);
    isa().channelSums(dy, &centered, nullptr, sums, products);
    const auto pixels = static_cast<double>(x.shape.pixels());
    float *slope = channels.ones, *shift = channels.shift;
    for (int64_t c = 0; c < count; ++c) {
      const double inverse = channels.scale[c];
      const double product = products[c] - channels.rest[c] * sums[c];
      slope[c] = static_cast<float>(-inverse * inverse * inverse * product / pixels);
      shift[c] =
          static_cast<float>(-inverse * sums[c] / pixels - static_cast<double>(slope[c]) * channels.rest[c]);
    }
    isa().normGradient(dy, centered, channels.scale, slope, shift, i.dx[0], i.accumulate(0));
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const InstanceNorm& op, const StepContext& context) {
  const Shape shape = context.input().shape;
  const int64_t before = Channels::bytes(shape.channels);
  return lambdaKernel(
      [=](Views in, Views out, void* scratch) {
        const Channels channels(scratch, shape.channels);
        const View copy = dense(static_cast<char*>(scratch) + before, shape);
        for (int64_t n = 0; n < in[0].count; ++n) {
          View x = image(in[0], n);
          if (x.dtype != DType::f32) {
            isa().convert(x, copy);
            x = copy;
          }
          channels.center(x, copy, op.epsilon);
          channels.normalize(copy, image(out[0], n));
        }
      },
      before + shape.elements() * 4);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const InstanceNorm& op, const TrainContext&) {
  return byImage(InstanceNormTraining{op});
}

}  // namespace facenet::cpu
