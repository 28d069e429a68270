#include <cmath>

#include "cuda/simple_ops.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::Lrn;

struct LrnCase {
  Lrn op;
  DType x, y;
  int64_t channels;
  Layout from, to;
  float most = 3;  // of x
  bool accumulate = false;
};

void check(const LrnCase& c) {
  const Shape shape{3, 3, c.channels};
  const TestView x = TestView::random(c.x, 2, shape, c.from, 1, -c.most, c.most);
  const TestView dy = TestView::random(c.y, 2, shape, c.to, 2);
  GradientView dx(c.x, 2, shape, c.from, c.accumulate);
  facenet::cuda::backward(c.op, x.view(), dy.view(), dx.view(), c.accumulate, nullptr);
  const double alpha = c.op.alphaPerWindow ? double{c.op.alpha} / static_cast<double>(c.op.size) : c.op.alpha;
  Batch64 expected(2, shape);
  forEachValue(2, shape, [&](int64_t n, int64_t row, int64_t column, int64_t i) {
    const int64_t first = std::max<int64_t>(i - (c.op.size - 1) / 2, 0);
    const int64_t last = std::min(i + c.op.size / 2, c.channels - 1);
    double squares = 0;
    for (int64_t k = first; k <= last; ++k) squares += std::pow(x.at(n, row, column, k), 2);
    const double base = c.op.bias + alpha * squares, beta = c.op.beta, g = dy.at(n, row, column, i);
    expected.at(n, row, column, i) += g * std::pow(base, -beta);
    for (int64_t k = first; k <= last; ++k)
      expected.at(n, row, column, k) -= 2 * alpha * beta * g * x.at(n, row, column, i) *
                                        std::pow(base, -beta - 1) * x.at(n, row, column, k);
  });
  // Sums of a few terms of fp32; with 16 bits the rough root's 6 ulp.
  dx.check(
      facenet::text("lrn of ", c.channels, " channels, size ", c.op.size, ", beta ", c.op.beta),
      [&](int64_t n, int64_t row, int64_t column, int64_t i) { return expected.at(n, row, column, i); },
      (c.x == DType::f32 ? 2e-6 : 2e-5) * static_cast<double>(c.op.size));
}

TEST("gradients of lrn in every type and layout, in every order") {
  inEveryOrder([] {
    const Lrn strong{5, 0.9f, 0.75f, 2, false};
    forTrainedTypes([&](DType x, DType y) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        check({strong, x, y, channels, from, to, 3, channels % 2 == 0});
      });
      check({{}, x, y, 192, {192}, {192}, 60});
    });
  });
}

TEST("gradients of lrn of other windows and powers, in every order") {
  inEveryOrder([] {
    for (const int64_t size : {1, 2, 3, 4, 5, 9, 40})
      for (const float beta : {0.75f, 0.5f, 1.f, 0.6f}) {
        check({{size, 0.5f, beta, 1.5f, true}, DType::f32, DType::f32, 21, {24}, {24}});
        check({{size, 0.5f, beta, 1.5f, false}, DType::bf16, DType::bf16, 21, {24}, {32, 8}});
      }
  });
}

// A pixel's channels are shared among warps: neighbours at the seams.
TEST("gradients of lrn of many channels, in every order") {
  inEveryOrder([] {
    for (const int64_t channels : {128, 129, 132, 240, 248, 249, 256, 488, 496, 504, 1032})
      for (const DType dtype : {DType::f32, DType::bf16})
        check({{5, 0.5f, 0.75f, 1, true},
               dtype,
               dtype,
               channels,
               {(channels + 7) / 8 * 8},
               {(channels + 7) / 8 * 8}});
  });
}

TEST("gradients of lrn read and write each value once but for the seams of warps, in 16-byte vectors") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Shape shape{14, 14, 192};
    const int64_t bytes = shape.elements() * static_cast<int64_t>(facenet::byteSize(dtype));
    const TestView x = TestView::random(dtype, 1, shape, {192}, 1);
    const TestView dy = TestView::random(dtype, 1, shape, {192}, 2);
    const TestView dx = TestView::untouched(dtype, 1, shape, {192});
    const Counters c =
        count([&] { facenet::cuda::backward(Lrn{}, x.view(), dy.view(), dx.view(), false, nullptr); });
    expect(c.globalBytesWritten == bytes, c.globalBytesWritten, " written of ", bytes);
    expect(c.globalBytesRead <= 2 * bytes * 1.05, c.globalBytesRead, " read of ", 2 * bytes);
    expect(c.globalSectors <= 3 * bytes / 32 * 1.06, c.globalSectors, " sectors of ", 3 * bytes / 32);
  }
}

}  // namespace
}  // namespace emulator::tests
