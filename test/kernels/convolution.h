// Convolutions for tests: dense values on the host, and the formula of ops/conv2d.h as a plain loop over them.
#pragma once

#include <algorithm>
#include <cmath>

#include "native/ops/conv2d.h"
#include "test.h"

namespace emulator::tests {

// `out` channels are those of all parts. x and residual are count x pixels x channels, weight is out x taps x
// channels of a group, bias and slope one an output channel.
struct Convolution {
  facenet::Window window;
  facenet::Shape in;
  std::vector<int64_t> parts{8};
  facenet::Activation::Kind activation = facenet::Activation::Kind::none;
  bool residual = false;
  int64_t groups = 1, count = 1;

  int64_t taps() const { return window.kernelHeight * window.kernelWidth; }
  int64_t out() const {
    int64_t sum = 0;
    for (const int64_t part : parts) sum += part;
    return sum;
  }
  facenet::Shape outShape() const { return facenet::slidingShape(window, in, out()); }
};

struct ConvolutionValues {
  std::vector<float> x, weight, bias, slope, residual;
};

// Random values, small integers where `exact`: then all sums are integers that fp32 holds.
inline ConvolutionValues valuesOf(const Convolution& c, bool exact) {
  const auto values = [&](int64_t count, unsigned seed) {
    auto result = randomValues(static_cast<size_t>(count), seed, exact ? -4.f : -1.f, exact ? 4.f : 1.f);
    if (exact)
      for (float& value : result) value = std::round(value);
    return result;
  };
  return {values(c.count * c.in.elements(), 11), values(c.out() * c.taps() * c.in.channels / c.groups, 12),
          values(c.out(), 13), values(c.out(), 14),
          values(c.residual ? c.count * c.outShape().elements() : 0, 15)};
}

template <class T>
constexpr facenet::DType dtypeOf() {
  if (std::is_same_v<T, float>) return facenet::DType::f32;
  return std::is_same_v<T, facenet::bf16> ? facenet::DType::bf16 : facenet::DType::f16;
}

// Rounds as a value of a type is stored.
inline float stored(double value, facenet::DType dtype) {
  const auto rounded = static_cast<float>(value);
  if (dtype == facenet::DType::bf16) return facenet::toFloat(facenet::toBf16(rounded));
  if (dtype == facenet::DType::f16) return facenet::toFloat(facenet::toF16(rounded));
  return rounded;
}

// count x pixels x out values, summed in Real: fp64 is the oracle, fp32 the loop that kernels are held against.
template <class Real>
std::vector<Real> plainLoop(const Convolution& c, const ConvolutionValues& v) {
  using Kind = facenet::Activation::Kind;
  const facenet::Shape out = c.outShape();
  const facenet::Window& w = c.window;
  const int64_t channels = c.in.channels / c.groups, perGroup = out.channels / c.groups;
  std::vector<Real> y;
  for (int64_t pixel = 0; pixel < c.count * out.pixels(); ++pixel) {
    const int64_t image = pixel / out.pixels(), oy = pixel % out.pixels() / out.width, ox = pixel % out.width;
    for (int64_t o = 0; o < out.channels; ++o) {
      Real sum = 0;
      for (int64_t tap = 0; tap < c.taps(); ++tap) {
        const int64_t row = oy * w.strideHeight - w.padTop + tap / w.kernelWidth * w.dilationHeight;
        const int64_t column = ox * w.strideWidth - w.padLeft + tap % w.kernelWidth * w.dilationWidth;
        if (row < 0 || row >= c.in.height || column < 0 || column >= c.in.width) continue;
        const float* x = &v.x[static_cast<size_t>(
            ((image * c.in.height + row) * c.in.width + column) * c.in.channels + o / perGroup * channels)];
        const float* weight = &v.weight[static_cast<size_t>((o * c.taps() + tap) * channels)];
        for (int64_t i = 0; i < channels; ++i) sum += Real{x[i]} * Real{weight[i]};
      }
      const auto at = static_cast<size_t>(o);
      sum += Real{v.bias[at]};
      if (c.residual) sum += Real{v.residual[static_cast<size_t>(pixel * out.channels + o)]};
      if (c.activation == Kind::relu || c.activation == Kind::relu6) sum = std::max(sum, Real{0});
      if (c.activation == Kind::relu6) sum = std::min(sum, Real{6});
      if (c.activation == Kind::prelu && sum < 0) sum *= Real{v.slope[at]};
      y.push_back(sum);
    }
  }
  return y;
}

// Pixels of `stride` values on the device, of which channels [0, channels) have `values` and the others are NaN,
// as padding and slices of others may be.
template <class T>
std::vector<T> strided(const std::vector<float>& values, int64_t channels, int64_t stride) {
  std::vector<T> result(values.size() / static_cast<size_t>(channels) * static_cast<size_t>(stride),
                        facenet::fromFloat<T>(std::nanf("")));
  for (size_t i = 0; i < values.size(); ++i)
    result[i / static_cast<size_t>(channels) * static_cast<size_t>(stride) +
           i % static_cast<size_t>(channels)] = facenet::fromFloat<T>(values[i]);
  return result;
}

// The largest distance of values from the oracle.
inline double largestError(const std::vector<double>& oracle, const std::function<double(size_t)>& value) {
  double largest = 0;
  for (size_t i = 0; i < oracle.size(); ++i) {
    const double error = std::abs(value(i) - oracle[i]);
    if (!(error <= largest)) largest = error;  // also NaN, which then stays
  }
  return largest;
}

// At most twice the error of the plain fp32 loop, both rounded to the type that stores them.
inline void expectPrecise(const Convolution& c, const ConvolutionValues& v, facenet::DType dtype,
                          const std::vector<float>& found) {
  const auto oracle = plainLoop<double>(c, v);
  const auto loop = plainLoop<float>(c, v);
  expect(found.size() == oracle.size(), found.size(), " values, not ", oracle.size());
  const double ours = largestError(oracle, [&](size_t i) { return found[i]; });
  const double allowed = 2 * largestError(oracle, [&](size_t i) { return stored(loop[i], dtype); });
  expect(ours <= allowed, "error ", ours, " is above ", allowed);
}

}  // namespace emulator::tests
