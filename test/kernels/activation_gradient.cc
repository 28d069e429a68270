#include "cuda/activation_gradient.cuh"

#include <cmath>

#include "cuda/channel_values.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::Activation;
using Kind = Activation::Kind;

double gradientOf(Kind kind, double y, double dy) {
  switch (kind) {
    case Kind::relu: return y > 0 ? dy : 0;
    case Kind::relu6: return y > 0 && y < 6 ? dy : 0;
    default: return dy;
  }
}

void checkActivation(Kind kind, DType x, DType y, int64_t channels, Layout from, Layout to, bool accumulate) {
  const Shape shape{3, 5, channels};
  const TestView ys = TestView::random(y, 2, shape, to, 1, -2, 8);
  const TestView dy = TestView::random(y, 2, shape, from, 2);
  GradientView dx(x, 2, shape, to, accumulate);
  facenet::cuda::activationGradient(kind, ys.view(), dy.view(), 0.3f, dx.view(), accumulate, nullptr);
  dx.check(
      activationName(kind),
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        return double{0.3f} * gradientOf(kind, ys.at(n, row, column, c), dy.at(n, row, column, c));
      },
      1e-5);
}

TEST("gradients of activations in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        checkActivation(Kind::relu, x, y, channels, from, to, channels % 2 == 0);
      });
      for (const Kind kind : {Kind::none, Kind::relu, Kind::relu6})
        for (const bool accumulate : {false, true})
          checkActivation(kind, x, y, 13, {16}, {24, 8}, accumulate);
    });
  });
}

struct PreluCase {
  DType x, y;
  Shape shape;
  Layout layout;
  bool oneSlope = false, accumulate = false, inPlace = false;
};

void checkPrelu(const PreluCase& c) {
  const int64_t count = 2, channels = c.shape.channels;
  const TestView x = TestView::random(c.x, count, c.shape, c.layout, 1);
  TestView dy = TestView::random(c.y, count, c.shape, c.layout, 2);
  GradientView dx(c.inPlace ? c.y : c.x, count, c.shape, c.layout, c.accumulate);
  std::vector<float> slopes = randomValues(static_cast<size_t>(channels), 3);
  if (c.oneSlope) slopes = std::vector<float>(slopes.size(), slopes[0]);
  const size_t gradients = c.oneSlope ? 1 : slopes.size();
  const std::vector<float> before = randomValues(gradients, 4);
  const auto gradient = onDevice(before);
  std::vector<float> padded = slopes;
  padded.resize(static_cast<size_t>((channels + 7) / 8 * 8), std::nanf(""));
  const auto slope = onDevice(padded);
  const auto scratch = memoryOf(facenet::cuda::preluGradientScratch(count, c.shape));
  facenet::cuda::preluGradient(slope.data(), x.view(), dy.view(), c.inPlace ? dy.view() : dx.view(),
                               c.accumulate, gradient.data(), c.oneSlope, scratch.data(), nullptr);

  std::vector<double> sums(before.begin(), before.end());
  std::vector<double> sizes(gradients, 1);
  forEachValue(count, c.shape, [&](int64_t n, int64_t row, int64_t column, int64_t i) {
    const double in = x.at(n, row, column, i), term = in > 0 ? 0 : in * dy.at(n, row, column, i);
    sums[c.oneSlope ? 0 : static_cast<size_t>(i)] += term;
    sizes[c.oneSlope ? 0 : static_cast<size_t>(i)] += std::abs(term);
  });
  const std::vector<float> found = onHost(gradient);
  for (size_t i = 0; i < gradients; ++i)
    expect(std::abs(found[i] - sums[i]) <= sizes[i] * 0x1p-21, "slope ", i, ": ", found[i], " not ", sums[i]);
  if (c.inPlace) return;
  dx.check(
      "prelu",
      [&](int64_t n, int64_t row, int64_t column, int64_t i) {
        const double g = dy.at(n, row, column, i);
        return x.at(n, row, column, i) > 0 ? g : g * slopes[static_cast<size_t>(i)];
      },
      1e-6);
}

TEST("gradients of prelu in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      forLayouts([&](int64_t channels, Layout from, Layout) {
        checkPrelu({x, y, {3, 5, channels}, from, channels == 5, channels % 2 == 0});
      });
      checkPrelu({x, y, {4, 4, 20}, {24}, false, false, true});
    });
    checkPrelu({DType::f32, DType::f32, {40, 33, 24}, {24}});      // many splits
    checkPrelu({DType::bf16, DType::bf16, {2, 3, 2056}, {2056}});  // more channels than a block has
  });
}

TEST("gradients of activations read and write each value once, in 16-byte vectors without waste") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Shape shape{16, 16, 192};
    const int64_t bytes = shape.elements() * static_cast<int64_t>(facenet::byteSize(dtype));
    const TestView x = TestView::random(dtype, 1, shape, {192}, 1);
    const TestView dy = TestView::random(dtype, 1, shape, {192}, 2);
    const TestView dx = TestView::untouched(dtype, 1, shape, {192});
    const Counters relu = count([&] {
      facenet::cuda::activationGradient(Kind::relu, x.view(), dy.view(), 1, dx.view(), false, nullptr);
    });
    expect(relu.globalBytesRead == 2 * bytes && relu.globalBytesWritten == bytes, relu.globalBytesRead);
    expect(relu.globalSectors == 3 * bytes / 32, relu.globalSectors, " sectors of ", 3 * bytes / 32);

    const auto slope = onDevice(std::vector<float>(192, 0.5f)), gradient = onDevice(std::vector<float>(192));
    const auto scratch = memoryOf(facenet::cuda::preluGradientScratch(1, shape));
    const Counters prelu = count([&] {
      facenet::cuda::preluGradient(slope.data(), x.view(), dy.view(), dx.view(), false, gradient.data(),
                                   false, scratch.data(), nullptr);
    });
    expect(prelu.globalBytesRead <= 2 * bytes * 1.15, prelu.globalBytesRead, " read of ", 2 * bytes);
    expect(prelu.globalBytesWritten <= bytes * 1.15, prelu.globalBytesWritten, " written of ", bytes);
    expect(prelu.sharedPhases == prelu.sharedPhasesIdeal, prelu.sharedPhases, " phases of ",
           prelu.sharedPhasesIdeal);
  }
}

TEST("one parameter for all channels: broadcast, and its gradient summed, in every order") {
  inEveryOrder([] {
    const std::vector<float> values = randomValues(1000, 5);
    const auto device = onDevice(values), one = onDevice(std::vector<float>{3}),
               all = onDevice(std::vector<float>(1001, 7.f));
    facenet::cuda::broadcast(one.data(), 1000, all.data(), nullptr);
    facenet::cuda::addSum(device.data(), 1000, one.data(), nullptr);
    const std::vector<float> copies = onHost(all);
    for (size_t i = 0; i < 1000; ++i) expect(copies[i] == 3, i, ": ", copies[i]);
    expect(copies[1000] == 7, copies[1000], " behind the last");
    double sum = 3;
    for (const float value : values) sum += value;
    expect(std::abs(onHost(one)[0] - sum) < 1e-5, onHost(one)[0], " not ", sum);
  });
}

}  // namespace
}  // namespace emulator::tests
