#include "cuda/extremum.cuh"

#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::Extremum;

TEST("maximum, minimum and their gradients in every type and layout, in every order") {
  inEveryOrder([] {
    for (const Extremum op : {Extremum{true}, Extremum{false}}) {
      forTypes([&](DType in, DType out) {
        forLayouts([&](int64_t channels, Layout from, Layout to) {
          const Shape shape{2, 3, channels};
          const TestView a = TestView::random(in, 2, shape, from, 1);
          const TestView b = TestView::random(in, 2, shape, from, 2);
          TestView y = TestView::untouched(out, 2, shape, to);
          facenet::cuda::extremum(op, a.view(), b.view(), y.view(), nullptr);
          y.check(
              op.name(),
              [&](int64_t n, int64_t row, int64_t column, int64_t c) {
                const double left = a.at(n, row, column, c), right = b.at(n, row, column, c);
                return op.largest ? std::max(left, right) : std::min(left, right);
              },
              [&](double expected) { return std::abs(expected) * rounding(out); });
        });
      });
      forTrainedTypes([&](DType x, DType y) {
        forLayouts([&](int64_t channels, Layout from, Layout to) {
          const Shape shape{2, 3, channels};
          const TestView dy = TestView::random(y, 2, shape, to, 3);
          // Of equal values the first is chosen.
          for (const bool equal : {false, true}) {
            const TestView a = TestView::random(x, 2, shape, from, 1, equal ? 1 : -2, equal ? 1 : 2);
            const TestView b = TestView::random(x, 2, shape, from, 2, equal ? 1 : -2, equal ? 1 : 2);
            for (const bool first : {false, true}) {
              GradientView dx(x, 2, shape, from, channels % 2 == 0);
              facenet::cuda::extremumGradient(op, first ? a.view() : b.view(), first ? b.view() : a.view(),
                                              first, dy.view(), dx.view(), dx.accumulate, nullptr);
              dx.check(
                  op.name() + "'s gradient",
                  [&](int64_t n, int64_t row, int64_t column, int64_t c) {
                    const double left = a.at(n, row, column, c), right = b.at(n, row, column, c);
                    const bool second = op.largest ? right > left : right < left;
                    return second == first ? 0 : dy.at(n, row, column, c);
                  },
                  0);
            }
          }
        });
      });
    }
  });
}

TEST("maximum reads and writes each value once, in 16-byte vectors without waste") {
  const Shape shape{8, 8, 64};
  const int64_t bytes = shape.elements() * 2;
  const TestView a = TestView::random(DType::bf16, 1, shape, {64}, 1);
  const TestView b = TestView::random(DType::bf16, 1, shape, {64}, 2);
  const TestView y = TestView::untouched(DType::bf16, 1, shape, {64});
  const Counters c =
      count([&] { facenet::cuda::extremum(Extremum{true}, a.view(), b.view(), y.view(), nullptr); });
  expect(c.globalBytesRead == 2 * bytes && c.globalBytesWritten == bytes, c.globalBytesRead, " read");
  expect(c.globalSectors == 3 * bytes / 32, c.globalSectors, " sectors");
}

}  // namespace
}  // namespace emulator::tests
