#include <cmath>

#include "cuda/simple_ops.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::InstanceNorm;

constexpr float kEpsilon = 1e-5f;

// Of one channel of an image.
struct Statistics {
  double mean = 0, inverse = 0;

  Statistics(const TestView& x, const Shape& shape, int64_t n, int64_t c) {
    const auto count = static_cast<double>(shape.pixels());
    double variance = 0;
    for (int64_t p = 0; p < shape.pixels(); ++p) mean += x.at(n, p / shape.width, p % shape.width, c) / count;
    for (int64_t p = 0; p < shape.pixels(); ++p)
      variance += std::pow(x.at(n, p / shape.width, p % shape.width, c) - mean, 2) / count;
    inverse = 1 / std::sqrt(variance + kEpsilon);
  }
  double normalized(double value) const { return (value - mean) * inverse; }
};

void checkForward(DType in, DType out, const Shape& shape, Layout from, Layout to) {
  const TestView x = TestView::random(in, 2, shape, from, 1, -1, 3);
  TestView y = TestView::untouched(out, 2, shape, to);
  facenet::cuda::forward(InstanceNorm{kEpsilon}, x.view(), y.view(), nullptr);
  y.check(
      "instance_norm",
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        return Statistics(x, shape, n, c).normalized(x.at(n, row, column, c));
      },
      [&](double expected) { return std::abs(expected) * rounding(out) + 1e-5; });
}

void checkBackward(DType in, DType out, const Shape& shape, Layout from, Layout to, bool accumulate) {
  const TestView x = TestView::random(in, 2, shape, from, 1, -1, 3);
  const TestView dy = TestView::random(out, 2, shape, to, 2);
  GradientView dx(in, 2, shape, from, accumulate);
  facenet::cuda::backward(InstanceNorm{kEpsilon}, x.view(), dy.view(), dx.view(), accumulate, nullptr);
  dx.check(
      "its gradient",
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        const Statistics statistics(x, shape, n, c);
        double sum = 0, product = 0;
        for (int64_t p = 0; p < shape.pixels(); ++p) {
          const int64_t y = p / shape.width, other = p % shape.width;
          sum += dy.at(n, y, other, c);
          product += dy.at(n, y, other, c) * statistics.normalized(x.at(n, y, other, c));
        }
        const auto count = static_cast<double>(shape.pixels());
        const double normalized = statistics.normalized(x.at(n, row, column, c));
        return statistics.inverse * (dy.at(n, row, column, c) - sum / count - normalized * product / count);
      },
      2e-5);
}

TEST("instance_norm in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        checkForward(in, out, {4, 3, channels}, from, to);
      });
    });
  });
}

TEST("gradients of instance_norm in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        checkBackward(in, out, {4, 3, channels}, from, to, channels % 2 == 0);
      });
    });
  });
}

TEST("instance_norm of more channels than a block has, and of more pixels") {
  for (const DType type : {DType::f32, DType::bf16}) {
    for (const Shape& shape : {Shape{4, 4, 2100}, Shape{19, 21, 12}}) {
      const Layout layout{(shape.channels + 7) / 8 * 8};
      checkForward(type, type, shape, layout, layout);
      checkBackward(type, type, shape, layout, layout, false);
    }
  }
}

TEST("instance_norm reads each value twice and a pixel more, in 16-byte vectors without waste") {
  const Shape shape{8, 8, 64};
  const int64_t bytes = shape.elements() * 2;
  const TestView x = TestView::random(DType::bf16, 1, shape, {64}, 1);
  const TestView y = TestView::untouched(DType::bf16, 1, shape, {64});
  const Counters c =
      count([&] { facenet::cuda::forward(InstanceNorm{kEpsilon}, x.view(), y.view(), nullptr); });
  // Each of the 256 threads reads 16 bytes of the first pixel, whose 128 bytes are four sectors for each warp.
  const int64_t first = 256 * 16, firstSectors = 256 / 32 * 128 / 32;
  expect(c.globalBytesRead == 2 * bytes + first && c.globalBytesWritten == bytes, c.globalBytesRead, " read");
  expect(c.globalSectors == 3 * bytes / 32 + firstSectors, c.globalSectors, " sectors");
}

}  // namespace
}  // namespace emulator::tests
