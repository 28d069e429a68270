#include <cmath>

#include "cuda/simple_ops.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::LayerNorm;

constexpr float kEpsilon = 1e-5f;

// Of one pixel.
struct Statistics {
  double mean = 0, inverse = 0;

  Statistics(const TestView& x, const Shape& shape, int64_t n, int64_t row, int64_t column) {
    const auto count = static_cast<double>(shape.channels);
    double variance = 0;
    for (int64_t c = 0; c < shape.channels; ++c) mean += x.at(n, row, column, c) / count;
    for (int64_t c = 0; c < shape.channels; ++c)
      variance += std::pow(x.at(n, row, column, c) - mean, 2) / count;
    inverse = 1 / std::sqrt(variance + kEpsilon);
  }
  double normalized(double value) const { return (value - mean) * inverse; }
};

void checkForward(DType in, DType out, const Shape& shape, Layout from, Layout to) {
  const TestView x = TestView::random(in, 2, shape, from, 1, -1, 3);
  TestView y = TestView::untouched(out, 2, shape, to);
  facenet::cuda::forward(LayerNorm{kEpsilon}, x.view(), y.view(), nullptr);
  y.check(
      "layer_norm",
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        return Statistics(x, shape, n, row, column).normalized(x.at(n, row, column, c));
      },
      [&](double expected) { return std::abs(expected) * rounding(out) + 1e-5; });
}

void checkBackward(DType in, DType out, const Shape& shape, Layout from, Layout to, bool accumulate) {
  const TestView x = TestView::random(in, 2, shape, from, 1, -1, 3);
  const TestView dy = TestView::random(out, 2, shape, to, 2);
  GradientView dx(in, 2, shape, from, accumulate);
  facenet::cuda::backward(LayerNorm{kEpsilon}, x.view(), dy.view(), dx.view(), accumulate, nullptr);
  dx.check(
      "its gradient",
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        const Statistics statistics(x, shape, n, row, column);
        double sum = 0, product = 0;
        for (int64_t other = 0; other < shape.channels; ++other) {
          sum += dy.at(n, row, column, other);
          product += dy.at(n, row, column, other) * statistics.normalized(x.at(n, row, column, other));
        }
        const auto count = static_cast<double>(shape.channels);
        const double normalized = statistics.normalized(x.at(n, row, column, c));
        return statistics.inverse * (dy.at(n, row, column, c) - sum / count - normalized * product / count);
      },
      2e-5);
}

TEST("layer_norm in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        checkForward(in, out, {4, 3, channels}, from, to);
      });
    });
  });
}

TEST("gradients of layer_norm in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        checkBackward(in, out, {4, 3, channels}, from, to, channels % 2 == 0);
      });
    });
  });
}

TEST("layer_norm of more channels than a warp reads at once, and of more pixels than a block has") {
  for (const DType type : {DType::f32, DType::bf16}) {
    for (const Shape& shape : {Shape{2, 2, 700}, Shape{19, 21, 12}}) {
      const Layout layout{(shape.channels + 7) / 8 * 8};
      checkForward(type, type, shape, layout, layout);
      checkBackward(type, type, shape, layout, layout, false);
    }
  }
}

TEST("layer_norm reads each value three times and a channel more, in 16-byte vectors without waste") {
  const Shape shape{8, 8, 64};
  const int64_t bytes = shape.elements() * 2;
  const TestView x = TestView::random(DType::bf16, 1, shape, {64}, 1);
  const TestView y = TestView::untouched(DType::bf16, 1, shape, {64});
  const Counters c = count([&] { facenet::cuda::forward(LayerNorm{kEpsilon}, x.view(), y.view(), nullptr); });
  // Eight threads have a pixel. Each reads its first channel, in a sector for each of the four pixels of a warp.
  const int64_t threads = shape.pixels() * 8, firstSectors = threads / 32 * 4;
  expect(c.globalBytesRead == 3 * bytes + threads * 2 && c.globalBytesWritten == bytes, c.globalBytesRead,
         " read");
  expect(c.globalSectors == 4 * bytes / 32 + firstSectors, c.globalSectors, " sectors");
}

}  // namespace
}  // namespace emulator::tests
