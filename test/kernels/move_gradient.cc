// The backward of pads, upsample and maxout.
#include "cuda/simple_ops.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::Maxout;
using facenet::Pad;
using facenet::Upsample;
using Kind = Pad::Kind;

TEST("gradients of zero_pad and upsample in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        const bool accumulate = channels % 2 == 0;
        const Shape shape{3, 4, channels};
        const Pad pad{Kind::zero, 1, 2, 0, 3, 5};
        const Layout wider{to.stride + 8, to.offset};
        const TestView padded = TestView::random(y, 2, {4, 9, channels + 5}, wider, 1);
        GradientView ofPadded(x, 2, shape, from, accumulate);
        facenet::cuda::backward(pad, ofPadded.view(), padded.view(), ofPadded.view(), accumulate, nullptr);
        ofPadded.check(
            "zero_pad",
            [&](int64_t n, int64_t row, int64_t column, int64_t c) {
              return padded.at(n, row + 1, column + 2, c);
            },
            0);

        const TestView larger = TestView::random(y, 2, {9, 12, channels}, to, 2);
        GradientView ofLarger(x, 2, shape, from, accumulate);
        facenet::cuda::backward(Upsample{3}, ofLarger.view(), larger.view(), ofLarger.view(), accumulate,
                                nullptr);
        ofLarger.check(
            "upsample",
            [&](int64_t n, int64_t row, int64_t column, int64_t c) {
              double sum = 0;
              for (int64_t i = 0; i < 9; ++i) sum += larger.at(n, 3 * row + i / 3, 3 * column + i % 3, c);
              return sum;
            },
            1e-5);
      });
    });
  });
}

TEST("gradients of edge_pad and reflect_pad in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        for (const Pad& op : {Pad{Kind::edge, 1, 2, 3, 4}, Pad{Kind::edge, 0, 2, 1, 0},
                              Pad{Kind::reflect, 2, 3, 1, 2}, Pad{Kind::reflect, 0, 1, 2, 0}}) {
          const Shape shape{3, 4, channels};
          const Shape larger{3 + op.top + op.bottom, 4 + op.left + op.right, channels};
          const TestView dy = TestView::random(y, 2, larger, to, 1);
          GradientView dx(x, 2, shape, from, channels % 2 == 0);
          facenet::cuda::backward(op, dx.view(), dy.view(), dx.view(), dx.accumulate, nullptr);
          Batch64 expected(2, shape);
          forEachValue(2, larger, [&](int64_t n, int64_t row, int64_t column, int64_t c) {
            expected.at(n, op.source(row - op.top, 3), op.source(column - op.left, 4), c) +=
                dy.at(n, row, column, c);
          });
          dx.check(
              op.name(),
              [&](int64_t n, int64_t row, int64_t column, int64_t c) {
                return expected.at(n, row, column, c);
              },
              1e-5);
        }
      });
    });
  });
}

// `low` to `high`: of x; where they are equal the first piece wins.
void checkMaxout(const Maxout& op, DType xType, DType yType, int64_t channels, bool accumulate, float low,
                 float high) {
  const Shape in{3, 5, channels * op.pieces}, out{3, 5, channels};
  const Layout from{(in.channels + 7) / 8 * 8}, to{(channels + 7) / 8 * 8 + 8, 8};
  const TestView x = TestView::random(xType, 2, in, from, 1, low, high);
  const TestView dy = TestView::random(yType, 2, out, to, 2);
  GradientView dx(xType, 2, in, from, accumulate);
  facenet::cuda::backward(op, x.view(), dy.view(), dx.view(), accumulate, nullptr);
  dx.check(
      "maxout",
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        const int64_t first = c / op.pieces * op.pieces;
        int64_t winner = first;
        for (int64_t i = first; i < first + op.pieces; ++i)
          if (x.at(n, row, column, i) > x.at(n, row, column, winner)) winner = i;
        return c == winner ? dy.at(n, row, column, c / op.pieces) : 0;
      },
      0);
}

TEST("gradients of maxout in every type, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      for (const int64_t channels : {1, 2, 4, 5, 8, 15, 37})
        for (const bool accumulate : {false, true}) {
          checkMaxout({2}, x, y, channels, accumulate, -1, 1);
          checkMaxout({3}, x, y, channels, accumulate, -1, 1);
          checkMaxout({2}, x, y, channels, accumulate, 1, 1);
        }
    });
  });
}

TEST("gradients of maxout and zero_pad read and write each value once, in 16-byte vectors without waste") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Shape in{8, 8, 128}, out{8, 8, 64};
    const int64_t bytes = in.elements() * static_cast<int64_t>(facenet::byteSize(dtype));
    const TestView x = TestView::random(dtype, 1, in, {128}, 1),
                   dy = TestView::random(dtype, 1, out, {64}, 2);
    const TestView dx = TestView::untouched(dtype, 1, in, {128});
    const Counters pairs =
        count([&] { facenet::cuda::backward(Maxout{2}, x.view(), dy.view(), dx.view(), false, nullptr); });
    expect(pairs.globalBytesRead == bytes * 3 / 2, pairs.globalBytesRead, " read");
    expect(pairs.globalBytesWritten == bytes, pairs.globalBytesWritten, " written");
    // The halves of what a lane has of x lie apart, so a warp touches a sector twice.
    expect(pairs.globalSectors <= 5 * bytes / 32, pairs.globalSectors, " sectors of ", 5 * bytes / 64);

    const TestView larger = TestView::random(dtype, 1, {9, 8, 128}, {128}, 3);
    const Counters pad = count([&] {
      facenet::cuda::backward(Pad{Kind::zero, 1, 0, 0, 0, 0}, dx.view(), larger.view(), dx.view(), false,
                              nullptr);
    });
    expect(pad.globalBytesRead == bytes && pad.globalBytesWritten == bytes, pad.globalBytesRead);
    expect(pad.globalSectors == 2 * bytes / 32, pad.globalSectors, " sectors");
  }
}

}  // namespace
}  // namespace emulator::tests
