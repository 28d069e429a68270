#include <algorithm>
#include <limits>

#include "cuda/simple_ops.cuh"
#include "views.h"

namespace emulator::tests {
namespace {

using facenet::Maxout;
using facenet::Pad;
using facenet::Upsample;

using Kind = Pad::Kind;

double rounded(DType type, double expected) {
  return std::abs(expected) * rounding(type);
}

TEST("pads in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        for (const Pad& op : {Pad{Kind::zero, 1, 2, 0, 1, 0}, Pad{Kind::zero, 0, 0, 2, 0, 6},
                              Pad{Kind::constant, 0, 1, 0, 0, 11, 0.5f}, Pad{Kind::edge, 1, 2, 3, 4},
                              Pad{Kind::reflect, 1, 2, 1, 2}, Pad{Kind::reflect, 0, 1, 1, 0}}) {
          const Shape shape{2, 3, channels};
          const Shape larger{2 + op.top + op.bottom, 3 + op.left + op.right, channels + op.channels};
          const TestView x = TestView::random(in, 2, shape, from, 1);
          TestView y = TestView::untouched(out, 2, larger, {to.stride + 16, to.offset});
          facenet::cuda::forward(op, x.view(), y.view(), nullptr);
          y.check(
              op.name(),
              [&](int64_t n, int64_t row, int64_t column, int64_t c) -> double {
                row -= op.top, column -= op.left;
                if (op.mirrors()) row = op.source(row, 2), column = op.source(column, 3);
                const bool inside = row >= 0 && row < 2 && column >= 0 && column < 3 && c < channels;
                return inside ? x.at(n, row, column, c) : op.value;
              },
              [&](double expected) { return rounded(out, expected); });
        }
      });
    });
  });
}

TEST("upsample in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        const int64_t factor = 1 + channels % 3;
        const TestView x = TestView::random(in, 2, {2, 3, channels}, from, 1);
        TestView y = TestView::untouched(out, 2, {2 * factor, 3 * factor, channels}, to);
        facenet::cuda::forward(Upsample{factor}, x.view(), y.view(), nullptr);
        y.check(
            "upsample",
            [&](int64_t n, int64_t row, int64_t column, int64_t c) {
              return x.at(n, row / factor, column / factor, c);
            },
            [&](double expected) { return rounded(out, expected); });
      });
    });
  });
}

TEST("maxout in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout, Layout to) {
        for (const int64_t pieces : {1, 2, 3}) {
          const int64_t inChannels = channels * pieces, padded = (inChannels + 7) / 8 * 8;
          for (const Layout from : {Layout{inChannels}, Layout{padded}, Layout{padded + 16, 8}}) {
            const TestView x = TestView::random(in, 2, {3, 2, inChannels}, from, 1);
            TestView y = TestView::untouched(out, 2, {3, 2, channels}, to);
            facenet::cuda::forward(Maxout{pieces}, x.view(), y.view(), nullptr);
            y.check(
                "maxout",
                [&](int64_t n, int64_t row, int64_t column, int64_t c) {
                  double largest = -std::numeric_limits<double>::infinity();
                  for (int64_t i = 0; i < pieces; ++i)
                    largest = std::max(largest, x.at(n, row, column, c * pieces + i));
                  return largest;
                },
                [&](double expected) { return rounded(out, expected); });
          }
        }
      });
    });
  });
}

TEST("zero_pad, upsample and maxout of pairs move each value once") {
  const Shape shape{6, 6, 64};
  const int64_t bytes = shape.elements() * 2;
  const TestView x = TestView::random(DType::bf16, 1, shape, {64}, 1);
  const auto counted = [&](const char* what, const Shape& out, int64_t reads, int64_t sectorBytes,
                           const auto& run) {
    const TestView y = TestView::untouched(DType::bf16, 1, out, {out.channels});
    const int64_t written = out.elements() * 2;
    const Counters c = count([&] { run(y.view()); });
    expect(c.globalBytesRead == reads && c.globalBytesWritten == written, what, " reads ", c.globalBytesRead);
    expect(c.globalSectors == (sectorBytes + written) / 32, what, ": ", c.globalSectors, " sectors");
  };
  counted("zero_pad", {8, 8, 64}, bytes, bytes, [&](const View& y) {
    facenet::cuda::forward(Pad{Kind::zero, 1, 1, 1, 1, 0}, x.view(), y, nullptr);
  });
  // Two neighbouring pixels read the same in one instruction.
  counted("upsample", {12, 12, 64}, 4 * bytes, 2 * bytes,
          [&](const View& y) { facenet::cuda::forward(Upsample{2}, x.view(), y, nullptr); });
  // A thread reads 32 bytes in two loads, each of which takes half of its sectors.
  counted("maxout", {6, 6, 32}, bytes, 2 * bytes,
          [&](const View& y) { facenet::cuda::forward(Maxout{2}, x.view(), y, nullptr); });
}

}  // namespace
}  // namespace emulator::tests
