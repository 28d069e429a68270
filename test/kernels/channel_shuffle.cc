#include "cuda/simple_ops.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::ChannelShuffle;

TEST("channel_shuffle and its gradient in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        const ChannelShuffle op{channels % 3 == 0 ? 3 : channels % 2 == 0 ? 2 : channels};
        const Shape shape{2, 3, channels};
        const TestView x = TestView::random(in, 2, shape, from, 1);
        TestView y = TestView::untouched(out, 2, shape, to);
        facenet::cuda::forward(op, x.view(), y.view(), nullptr);
        y.check(
            "channel_shuffle",
            [&](int64_t n, int64_t row, int64_t column, int64_t c) {
              return x.at(n, row, column, op.source(c, channels));
            },
            [&](double expected) { return std::abs(expected) * rounding(out); });

        const bool accumulate = channels % 2 == 0;
        const TestView dy = TestView::random(out, 2, shape, to, 2);
        GradientView dx(in, 2, shape, from, accumulate);
        facenet::cuda::backward(op, x.view(), dy.view(), dx.view(), accumulate, nullptr);
        const int64_t groups = channels / op.groups;
        dx.check(
            "its gradient",
            [&](int64_t n, int64_t row, int64_t column, int64_t c) {
              return dy.at(n, row, column, c % groups * op.groups + c / groups);
            },
            0);
      });
    });
  });
}

TEST("channel_shuffle of pairs reads and writes each value once") {
  const Shape shape{6, 6, 64};
  const int64_t bytes = shape.elements() * 2;
  const TestView x = TestView::random(DType::bf16, 1, shape, {64}, 1);
  const TestView y = TestView::untouched(DType::bf16, 1, shape, {64});
  const Counters c = count([&] { facenet::cuda::forward(ChannelShuffle{2}, x.view(), y.view(), nullptr); });
  expect(c.globalBytesRead == bytes && c.globalBytesWritten == bytes, c.globalBytesRead, " read, ",
         c.globalBytesWritten, " written");
}

}  // namespace
}  // namespace emulator::tests
