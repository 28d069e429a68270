// All functions of one value at a time, against their formulas in fp64.
#include <cmath>

#include "cuda/simple_ops.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::Pointwise;

namespace formulas {
double expOf(double x) {
  return std::exp(x);
}
double tanhOf(double x) {
  return std::tanh(x);
}
double expm1Of(double x) {
  return std::expm1(x);
}
double log1pOf(double x) {
  return std::log1p(x);
}
double erfOf(double x) {
  return std::erf(x);
}
double rounded(double x) {
  return x;
}
#define FACENET_POINTWISE inline
#include "native/ops/pointwise.inc"
#undef FACENET_POINTWISE
}  // namespace formulas

// body(op, f, its derivative) for every function. The fast ones are within a few ulp of values up to 8.
template <class Body>
void forFunctions(Body body) {
  for (size_t i = 0; i < std::size(Pointwise::kNames); ++i) {
    const Pointwise op{static_cast<Pointwise::Function>(i), 0.3f, 0.6f};
    formulas::withFunction(op.function, [&](auto function) {
      constexpr auto kFunction = decltype(function)::value;
      body(
          op, [op](double x) { return formulas::valueOf<kFunction>(x, op); },
          [op](double x) { return formulas::slopeOf<kFunction>(x, op); });
    });
  }
}

TEST("functions of one value and their gradients in every type and layout, in every order") {
  inEveryOrder([] {
    forFunctions([](const Pointwise& op, const auto& value, const auto& slope) {
      forTypes([&](DType in, DType out) {
        forLayouts([&](int64_t channels, Layout from, Layout to) {
          const Shape shape{3, 2, channels};
          const TestView x = TestView::random(in, 2, shape, from, 1, -8, 8);
          TestView y = TestView::untouched(out, 2, shape, to);
          facenet::cuda::forward(op, x.view(), y.view(), nullptr);
          y.check(
              op.name(),
              [&](int64_t n, int64_t row, int64_t column, int64_t c) {
                return value(x.at(n, row, column, c));
              },
              [&](double expected) { return std::abs(expected) * (rounding(out) + 0x1p-21) + 0x1p-21; });
        });
      });
      forTrainedTypes([&](DType in, DType out) {
        for (const int64_t channels : {1, 8, 37}) {
          const Shape shape{3, 2, channels};
          const Layout layout{(channels + 7) / 8 * 8};
          const bool accumulate = channels == 8;
          const TestView x = TestView::random(in, 2, shape, layout, 1, -8, 8);
          const TestView dy = TestView::random(out, 2, shape, layout, 2);
          GradientView dx(in, 2, shape, layout, accumulate);
          facenet::cuda::backward(op, x.view(), dy.view(), dx.view(), accumulate, nullptr);
          dx.check(
              op.name() + "'s gradient",
              [&](int64_t n, int64_t row, int64_t column, int64_t c) {
                return dy.at(n, row, column, c) * slope(x.at(n, row, column, c));
              },
              1e-5);
        }
      });
    });
  });
}

TEST("functions of one value read and write each value once, in 16-byte vectors without waste") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Shape shape{8, 8, 64};
    const int64_t bytes = shape.elements() * static_cast<int64_t>(facenet::byteSize(dtype));
    const TestView x = TestView::random(dtype, 1, shape, {64}, 1),
                   dy = TestView::random(dtype, 1, shape, {64}, 2);
    const TestView y = TestView::untouched(dtype, 1, shape, {64});
    const Counters f = count([&] { facenet::cuda::forward(Pointwise{}, x.view(), y.view(), nullptr); });
    expect(f.globalBytesRead == bytes && f.globalBytesWritten == bytes, f.globalBytesRead, " read");
    expect(f.globalSectors == 2 * bytes / 32, f.globalSectors, " sectors");
    const Counters b =
        count([&] { facenet::cuda::backward(Pointwise{}, x.view(), dy.view(), y.view(), false, nullptr); });
    expect(b.globalBytesRead == 2 * bytes && b.globalBytesWritten == bytes, b.globalBytesRead, " read");
    expect(b.globalSectors == 3 * bytes / 32, b.globalSectors, " sectors");
  }
}

}  // namespace
}  // namespace emulator::tests
