#include <algorithm>
#include <cmath>

#include "cuda/simple_ops.cuh"
#include "views.h"

namespace emulator::tests {
namespace {

using facenet::Lrn;

void checkLrn(const Lrn& op, DType in, DType out, int64_t channels, Layout from, Layout to, float most) {
  const Shape shape{3, 3, channels};
  const TestView x = TestView::random(in, 2, shape, from, 1, -most, most);
  TestView y = TestView::untouched(out, 2, shape, to);
  facenet::cuda::forward(op, x.view(), y.view(), nullptr);
  const double alpha = op.alphaPerWindow ? double{op.alpha} / static_cast<double>(op.size) : op.alpha;
  y.check(
      facenet::text("lrn of ", channels, " channels, size ", op.size, ", beta ", op.beta),
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        double squares = 0;
        for (int64_t i = std::max<int64_t>(c - (op.size - 1) / 2, 0);
             i <= std::min(c + op.size / 2, channels - 1); ++i)
          squares += std::pow(x.at(n, row, column, i), 2);
        return x.at(n, row, column, c) / std::pow(op.bias + alpha * squares, double{op.beta});
      },
      // A root of a root and a division, or a power, in fp32; with 16 bits the rough root's 6 ulp.
      [&](double expected) {
        return std::abs(expected) * (rounding(out) + (out == DType::f32 ? 0x1p-22 + 0x1p-22 : 0x1p-20)) +
               1e-9;
      });
}

TEST("lrn in every type and layout, in every order") {
  inEveryOrder([] {
    const Lrn openFace{}, strong{5, 0.9f, 0.75f, 2, false};
    forTypes([&](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        checkLrn(strong, in, out, channels, from, to, 3);
      });
      checkLrn(openFace, in, out, 192, {192}, {192}, 60);
    });
  });
}

TEST("lrn of other windows and powers, in every order") {
  inEveryOrder([] {
    for (const int64_t size : {1, 2, 3, 4, 5, 9, 40})
      for (const float beta : {0.75f, 0.5f, 1.f, 0.6f}) {
        checkLrn({size, 0.5f, beta, 1.5f, true}, DType::f32, DType::f32, 21, {24}, {24}, 3);
        checkLrn({size, 0.5f, beta, 1.5f, false}, DType::bf16, DType::bf16, 21, {24}, {32, 8}, 3);
      }
  });
}

// More channels than a block has groups: neighbours are in other blocks.
TEST("lrn of many channels, in every order") {
  inEveryOrder([] {
    checkLrn({5, 0.5f, 0.75f, 1, true}, DType::f32, DType::f32, 1032, {1032}, {1032}, 3);
    checkLrn({5, 0.5f, 0.75f, 1, true}, DType::bf16, DType::bf16, 2085, {2088}, {2088}, 3);
  });
}

// What a lane needs of the next warp is a pair of numbers more.
TEST("lrn reads and writes each value once but for the edges of warps, in 16-byte vectors") {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    const Shape shape{14, 14, 192};
    const int64_t bytes = shape.elements() * static_cast<int64_t>(facenet::byteSize(dtype));
    const TestView x = TestView::random(dtype, 1, shape, {192}, 9);
    const TestView y = TestView::untouched(dtype, 1, shape, {192});
    const Counters c = count([&] { facenet::cuda::forward(Lrn{}, x.view(), y.view(), nullptr); });
    expect(c.globalBytesWritten == bytes, c.globalBytesWritten, " written of ", bytes);
    expect(c.globalBytesRead <= bytes * 1.04, c.globalBytesRead, " read of ", bytes);
    expect(c.globalSectors <= 2 * bytes / 32 * 1.07, c.globalSectors, " sectors of ", 2 * bytes / 32);
  }
}

}  // namespace
}  // namespace emulator::tests
