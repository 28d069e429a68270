#include "cuda/elementwise.cuh"

#include <cmath>

#include "cuda/add.cuh"
#include "cuda/common/channel_padding.h"
#include "views.h"

namespace emulator::tests {
namespace {

using facenet::Activation;
using facenet::Add;
using Kind = Activation::Kind;

std::vector<float> channelValues(int64_t channels, unsigned seed) {
  std::vector<float> values = randomValues(static_cast<size_t>(channels), seed);
  values.resize(static_cast<size_t>((channels + 7) / 8 * 8), std::nanf(""));
  return values;
}
static_assert(facenet::cuda::kChannelPadding == 8);

double activated(Kind kind, double x, double slope) {
  switch (kind) {
    case Kind::relu: return std::max(x, 0.0);
    case Kind::relu6: return std::min(std::max(x, 0.0), 6.0);
    case Kind::prelu: return x > 0 ? x : x * slope;
    default: return x;
  }
}

void checkActivation(Kind kind, DType in, DType out, int64_t channels, Layout from, Layout to) {
  const Shape shape{3, 5, channels};
  const TestView x = TestView::random(in, 2, shape, from, 1, -9, 9);
  TestView y = TestView::untouched(out, 2, shape, to);
  const std::vector<float> slopes = channelValues(channels, 2);
  const auto slope = onDevice(slopes);
  facenet::cuda::activation(kind, slope.data(), x.view(), y.view(), nullptr);
  y.check(
      activationName(kind),
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        return activated(kind, x.at(n, row, column, c), slopes[static_cast<size_t>(c)]);
      },
      [&](double expected) { return std::abs(expected) * (rounding(out) + 0x1p-21); });
}

TEST("activations in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        checkActivation(Kind::prelu, in, out, channels, from, to);
      });
      for (const Kind kind : {Kind::none, Kind::relu, Kind::relu6})
        checkActivation(kind, in, out, 13, {16}, {24, 8});
    });
  });
}

TEST("activations keep NaN") {
  for (const Kind kind : {Kind::none, Kind::relu, Kind::relu6, Kind::prelu}) {
    const auto x = onDevice(std::vector<float>(8, std::nanf("")));
    const auto y = onDevice(std::vector<float>(8, 0.f)), slope = onDevice(std::vector<float>(8, 1.f));
    const Shape shape{1, 1, 8};
    facenet::cuda::activation(kind, slope.data(), {x.data(), DType::f32, 1, shape, 8},
                              {y.data(), DType::f32, 1, shape, 8}, nullptr);
    for (const float value : onHost(y)) expect(std::isnan(value), activationName(kind), " gives ", value);
  }
}

TEST("scale and shift in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        const Shape shape{2, 7, channels};
        const TestView x = TestView::random(in, 2, shape, from, 3);
        TestView y = TestView::untouched(out, 2, shape, to);
        const auto scales = channelValues(channels, 4), shifts = channelValues(channels, 5);
        const auto scale = onDevice(scales), shift = onDevice(shifts);
        facenet::cuda::scaleShift(scale.data(), shift.data(), x.view(), y.view(), nullptr);
        y.check(
            "scale and shift",
            [&](int64_t n, int64_t row, int64_t column, int64_t c) {
              const auto i = static_cast<size_t>(c);
              return x.at(n, row, column, c) * scales[i] + shifts[i];
            },
            [&](double expected) { return std::abs(expected) * rounding(out) + 0x1p-22; });
      });
    });
  });
}

void checkAdd(const Add& op, DType aType, DType bType, DType out, int64_t channels, Layout from, Layout to) {
  const Shape shape{3, 3, channels};
  const TestView a = TestView::random(aType, 2, shape, from, 6, -9, 9);
  const TestView b = TestView::random(bType, 2, shape, to, 7, -9, 9);
  TestView y = TestView::untouched(out, 2, shape, to);
  const std::vector<float> slopes = channelValues(channels, 8);
  const auto slope = onDevice(slopes);
  facenet::cuda::add(op, slope.data(), a.view(), b.view(), y.view(), nullptr);
  y.check(
      "add",
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        const double sum = a.at(n, row, column, c) + double{op.factor} * b.at(n, row, column, c);
        return activated(op.activation.kind, sum, slopes[static_cast<size_t>(c)]);
      },
      [&](double expected) { return std::abs(expected) * rounding(out) + 0x1p-20; });
}

TEST("add in every type and layout, with activations, in every order") {
  inEveryOrder([] {
    for (const DType narrow : {DType::bf16, DType::f16})
      for (const DType a : {DType::f32, narrow})
        for (const DType b : {DType::f32, narrow})
          for (const DType out : {DType::f32, narrow})
            forLayouts([&](int64_t channels, Layout from, Layout to) {
              checkAdd({0.17f, {Kind::prelu, ""}}, a, b, out, channels, from, to);
            });
    for (const Kind kind : {Kind::none, Kind::relu, Kind::relu6})
      checkAdd({1, {kind, ""}}, DType::bf16, DType::bf16, DType::bf16, 21, {24}, {32, 8});
  });
}

TEST("elementwise ops read and write each value once, in 16-byte vectors without waste") {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    const Shape shape{14, 14, 192};
    const int64_t bytes = shape.elements() * static_cast<int64_t>(facenet::byteSize(dtype));
    const TestView x = TestView::random(dtype, 1, shape, {192}, 9);
    const TestView b = TestView::random(dtype, 1, shape, {192}, 10);
    const TestView y = TestView::untouched(dtype, 1, shape, {192});
    const Counters relu =
        count([&] { facenet::cuda::activation(Kind::relu, nullptr, x.view(), y.view(), nullptr); });
    expect(relu.globalBytesRead == bytes && relu.globalBytesWritten == bytes, relu.globalBytesRead);
    expect(relu.globalSectors == 2 * bytes / 32, relu.globalSectors, " sectors of ", 2 * bytes / 32);
    const Counters sum =
        count([&] { facenet::cuda::add({}, nullptr, x.view(), b.view(), y.view(), nullptr); });
    expect(sum.globalBytesRead == 2 * bytes && sum.globalBytesWritten == bytes, sum.globalBytesRead);
    expect(sum.globalSectors == 3 * bytes / 32, sum.globalSectors, " sectors of ", 3 * bytes / 32);
  }
}

}  // namespace
}  // namespace emulator::tests
