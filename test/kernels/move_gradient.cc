// The backward of zero_pad, upsample and maxout.
#include "cuda/simple_ops.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::Maxout;
using facenet::Upsample;
using facenet::ZeroPad;

TEST("gradients of zero_pad and upsample in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        const bool accumulate = channels % 2 == 0;
        const Shape shape{3, 4, channels};
        const ZeroPad pad{1, 2, 0, 3, 5};
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
      facenet::cuda::backward(ZeroPad{1, 0, 0, 0, 0}, dx.view(), larger.view(), dx.view(), false, nullptr);
    });
    expect(pad.globalBytesRead == bytes && pad.globalBytesWritten == bytes, pad.globalBytesRead);
    expect(pad.globalSectors == 2 * bytes / 32, pad.globalSectors, " sectors");
  }
}

}  // namespace
}  // namespace emulator::tests
