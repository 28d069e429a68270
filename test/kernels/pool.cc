#include "cuda/pool.cuh"

#include <algorithm>
#include <cmath>
#include <limits>

#include "views.h"

namespace emulator::tests {
namespace {

using facenet::Pool;
using facenet::Rounding;
using facenet::Window;

// The formula of ops/pool.h in fp64 at one output value.
double expectedAt(const Pool& op, const Shape& in, const std::function<double(int64_t, int64_t)>& x,
                  int64_t oy, int64_t ox) {
  const Window& w = op.window;
  double largest = -std::numeric_limits<double>::infinity(), sum = 0, squares = 0;
  int64_t inside = 0, padded = 0;
  for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
    for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
      const int64_t r = oy * w.strideHeight - w.padTop + ky * w.dilationHeight;
      const int64_t c = ox * w.strideWidth - w.padLeft + kx * w.dilationWidth;
      padded += r < in.height + w.padBottom && c < in.width + w.padRight;
      if (r < 0 || r >= in.height || c < 0 || c >= in.width) continue;
      ++inside;
      largest = std::max(largest, x(r, c));
      sum += x(r, c);
      squares += x(r, c) * x(r, c);
    }
  const auto divisor = static_cast<double>(op.countPadding ? padded : inside);
  if (op.kind == Pool::Kind::max) return largest;
  if (op.kind == Pool::Kind::avg) return sum / divisor;
  return std::sqrt(op.mean ? squares / divisor : squares);
}

void check(const Pool& op, int64_t count, const Shape& in, DType inType, Layout from, DType outType,
           Layout to) {
  const Shape out = facenet::slidingShape(op.window, in, in.channels);
  const TestView x = TestView::random(inType, count, in, from, 5, -1, 1);
  TestView y = TestView::untouched(outType, count, out, to);
  facenet::cuda::pool(op, x.view(), y.view(), nullptr);
  // Half a unit in the last place of the stored type, and of fp32 for every addition on values of at most 1.
  const auto window = static_cast<double>(op.window.kernelHeight * op.window.kernelWidth);
  const double sums = op.kind == Pool::Kind::max ? 0 : window * 0x1p-24;
  y.check(
      facenet::poolName(op.kind),
      [&](int64_t n, int64_t oy, int64_t ox, int64_t c) {
        return expectedAt(
            op, in, [&](int64_t row, int64_t column) { return x.at(n, row, column, c); }, oy, ox);
      },
      [&](double expected) { return std::abs(expected) * (rounding(outType) + 0x1p-23) + sums; });
}

const std::vector<Window> windows{
    {3, 3, 2, 2, 0, 0, 0, 0, Rounding::ceil},        {3, 3, 2, 2, 0, 0, 1, 1, Rounding::floor},
    {3, 3, 1, 1, 1, 1, 1, 1, Rounding::floor},       {2, 3, 2, 1, 0, 1, 0, 1, Rounding::floor},
    {7, 9, 1, 1, 0, 0, 0, 0, Rounding::floor},       {3, 3, 2, 2, 1, 1, 1, 1, Rounding::ceil},
    {2, 2, 2, 2, 0, 0, 1, 1, Rounding::ceil},        {1, 1, 1, 1, 0, 0, 0, 0, Rounding::floor},
    {3, 3, 1, 1, 2, 2, 2, 2, Rounding::floor, 2, 2}, {2, 3, 2, 1, 1, 2, 3, 4, Rounding::ceil, 3, 2}};

TEST("pools in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      for (const Window& window : windows)
        for (const Pool::Kind kind : {Pool::Kind::max, Pool::Kind::avg, Pool::Kind::l2})
          for (const bool flag : {false, true}) {
            const Pool op{kind, window, false, flag, flag};
            check(op, 2, {7, 9, 16}, in, {16}, out, {32, 8});
            check(op, 1, {7, 9, 5}, in, {5}, out, {7});
          }
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        check({Pool::Kind::max, windows[0], false, false, false}, 2, {5, 4, channels}, in, from, out, to);
      });
    });
  });
}

TEST("global pools of many pixels and channels, in every order") {
  inEveryOrder([] {
    for (const Pool::Kind kind : {Pool::Kind::max, Pool::Kind::avg, Pool::Kind::l2})
      for (const auto& [shape, stride] :
           {std::pair(Shape{17, 19, 300}, 304), std::pair(Shape{8, 8, 13}, 24), std::pair(Shape{4, 3, 1}, 8)})
        for (const DType in : {DType::f32, DType::bf16}) {
          const Window window{shape.height, shape.width, 1, 1, 0, 0, 0, 0, Rounding::floor};
          check({kind, window, true, false, true}, 2, shape, in, {stride}, DType::f32, {shape.channels});
          check({kind, window, true, false, false}, 2, shape, in, {stride}, in, {stride + 8, 8});
        }
  });
}

TEST("a pool without overlap reads each value once, in 16-byte vectors without waste") {
  const Pool op{Pool::Kind::max, {2, 2, 2, 2, 0, 0, 0, 0, Rounding::floor}, false, false, false};
  const Counters c = count([&] { check(op, 1, {8, 8, 64}, DType::bf16, {64}, DType::bf16, {64}); });
  const int64_t read = 8 * 8 * 64 * 2, written = read / 4;
  expect(c.globalBytesRead == read && c.globalBytesWritten == written, c.globalBytesRead, " ",
         c.globalBytesWritten);
  expect(c.globalSectors == (read + written) / 32, c.globalSectors, " sectors");
}

TEST("a global pool reads each value once, in 16-byte vectors without waste or conflicts") {
  const Pool op{Pool::Kind::avg, {7, 7, 1, 1, 0, 0, 0, 0, Rounding::floor}, true, false, false};
  const Counters c = count([&] { check(op, 1, {7, 7, 512}, DType::bf16, {512}, DType::f32, {512}); });
  const int64_t read = 7 * 7 * 512 * 2, written = 512 * 4;
  expect(c.globalBytesRead == read && c.globalBytesWritten == written, c.globalBytesRead, " ",
         c.globalBytesWritten);
  expect(c.globalSectors <= (read + 4 * written) / 32, c.globalSectors, " sectors");
  expect(c.sharedPhases == c.sharedPhasesIdeal, c.sharedPhases, " phases of ", c.sharedPhasesIdeal);
}

}  // namespace
}  // namespace emulator::tests
