#include "cuda/multiply.cuh"

#include "gradients.h"

namespace emulator::tests {
namespace {

TEST("multiply and its gradients in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        for (const bool onePixel : {false, true}) {
          const Shape shape{2, 3, channels}, factors = onePixel ? Shape{1, 1, channels} : shape;
          const TestView a = TestView::random(in, 2, shape, from, 1);
          const TestView b = TestView::random(in, 2, factors, from, 2);
          const auto factor = [&](int64_t n, int64_t row, int64_t column, int64_t c) {
            return onePixel ? b.at(n, 0, 0, c) : b.at(n, row, column, c);
          };
          TestView y = TestView::untouched(out, 2, shape, to);
          facenet::cuda::multiply(a.view(), b.view(), y.view(), false, nullptr);
          y.check(
              "multiply",
              [&](int64_t n, int64_t row, int64_t column, int64_t c) {
                return a.at(n, row, column, c) * factor(n, row, column, c);
              },
              [&](double expected) { return std::abs(expected) * (rounding(out) + 0x1p-22); });

          GradientView sum(out, 2, shape, to, true);
          facenet::cuda::multiply(a.view(), b.view(), sum.view(), true, nullptr);
          sum.check(
              "multiply, added",
              [&](int64_t n, int64_t row, int64_t column, int64_t c) {
                return a.at(n, row, column, c) * factor(n, row, column, c);
              },
              1e-6);
        }
      });
    });
    forTrainedTypes([](DType x, DType y) {
      for (const int64_t channels : {1, 8, 37, 300, 1100})
        for (const bool accumulate : {false, true}) {
          const Shape shape{5, 3, channels};
          const Layout layout{(channels + 7) / 8 * 8};
          const TestView a = TestView::random(x, 2, shape, layout, 1);
          const TestView dy = TestView::random(y, 2, shape, layout, 2);
          GradientView db(x, 2, {1, 1, channels}, layout, accumulate);
          facenet::cuda::multiplySums(a.view(), dy.view(), db.view(), accumulate, nullptr);
          db.check(
              "the gradient of one pixel",
              [&](int64_t n, int64_t, int64_t, int64_t c) {
                double total = 0;
                for (int64_t p = 0; p < 15; ++p)
                  total += a.at(n, p / 3, p % 3, c) * dy.at(n, p / 3, p % 3, c);
                return total;
              },
              1e-5);
        }
    });
  });
}

TEST("multiply reads and writes each value once, in 16-byte vectors without waste") {
  const Shape shape{8, 8, 64};
  const int64_t bytes = shape.elements() * 2;
  const TestView a = TestView::random(DType::bf16, 1, shape, {64}, 1);
  const TestView b = TestView::random(DType::bf16, 1, shape, {64}, 2);
  const TestView one = TestView::random(DType::bf16, 1, {1, 1, 64}, {64}, 3);
  const TestView y = TestView::untouched(DType::bf16, 1, shape, {64});
  const Counters c = count([&] { facenet::cuda::multiply(a.view(), b.view(), y.view(), false, nullptr); });
  expect(c.globalBytesRead == 2 * bytes && c.globalBytesWritten == bytes, c.globalBytesRead, " read");
  expect(c.globalSectors == 3 * bytes / 32, c.globalSectors, " sectors");
  const Counters s =
      count([&] { facenet::cuda::multiplySums(a.view(), b.view(), one.view(), false, nullptr); });
  expect(s.globalBytesRead == 2 * bytes && s.globalBytesWritten == 128, s.globalBytesRead, " read");
}

}  // namespace
}  // namespace emulator::tests
