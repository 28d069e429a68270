#include <cmath>

#include "cuda/simple_ops.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::L2Normalize;

struct NormalizeCase {
  DType x, y;
  int64_t count;
  Shape shape;
  Layout from, to;
  float epsilon = 1e-12f;
  bool accumulate = false;
  float most = 2;  // of x
};

void check(const NormalizeCase& c) {
  const TestView x = TestView::random(c.x, c.count, c.shape, c.from, 1, -c.most, c.most);
  const TestView dy = TestView::random(c.y, c.count, c.shape, c.to, 2);
  GradientView dx(c.x, c.count, c.shape, c.from, c.accumulate);
  facenet::cuda::backward(L2Normalize{c.epsilon}, x.view(), dy.view(), dx.view(), c.accumulate, nullptr);
  std::vector<double> squares(static_cast<size_t>(c.count)), dots(static_cast<size_t>(c.count));
  forEachValue(c.count, c.shape, [&](int64_t n, int64_t row, int64_t column, int64_t i) {
    const double value = x.at(n, row, column, i);
    squares[static_cast<size_t>(n)] += value * value;
    dots[static_cast<size_t>(n)] += value * dy.at(n, row, column, i);
  });
  dx.check(
      "l2_normalize",
      [&](int64_t n, int64_t row, int64_t column, int64_t i) {
        const auto image = static_cast<size_t>(n);
        const double length = std::sqrt(squares[image]), g = dy.at(n, row, column, i);
        if (!(length > double{c.epsilon})) return g / double{c.epsilon};
        return (g - x.at(n, row, column, i) * dots[image] / squares[image]) / length;
      },
      4e-6 / std::min(1.f, c.most));
}

TEST("gradients of l2_normalize in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        check({x, y, 3, {channels % 3 + 1, 3, channels}, from, to, 1e-12f, channels % 2 == 0});
      });
    });
  });
}

TEST("gradients of l2_normalize of rows of every kind of length, in every order") {
  inEveryOrder([] {
    for (const int64_t dimensions : {1, 2, 31, 33, 127, 128, 512, 513, 1028, 4100, 5000})
      check({DType::bf16, DType::f32, 9, {1, 1, dimensions}, {(dimensions + 7) / 8 * 8}, {dimensions}});
    check({DType::f32, DType::f32, 9, {1, 1, 128}, {128}, {128}});
  });
}

TEST("gradients of l2_normalize below epsilon are those of a division") {
  check({DType::f32, DType::f32, 2, {1, 1, 40}, {40}, {40}, 1e3f, false, 1});
  check({DType::f32, DType::f32, 2, {1, 1, 40}, {40}, {40}, 1.f, false, 0});
}

TEST("gradients of l2_normalize read and write each value once, in 16-byte vectors without waste") {
  const Shape row{1, 1, 128};
  const TestView x = TestView::random(DType::f32, 64, row, {128}, 1);
  const TestView dy = TestView::random(DType::f32, 64, row, {128}, 2);
  const TestView dx = TestView::untouched(DType::f32, 64, row, {128});
  const Counters c = count(
      [&] { facenet::cuda::backward(L2Normalize{1e-12f}, x.view(), dy.view(), dx.view(), false, nullptr); });
  const int64_t bytes = 64 * 128 * 4;
  expect(c.globalBytesRead == 2 * bytes && c.globalBytesWritten == bytes, c.globalBytesRead, " ",
         c.globalBytesWritten);
  expect(c.globalSectors == 3 * bytes / 32, c.globalSectors, " sectors");
}

}  // namespace
}  // namespace emulator::tests
