#include "cuda/pool_gradient.cuh"

#include <cmath>

#include "cuda/pool.cuh"
#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::Pool;
using facenet::Rounding;
using facenet::Window;
using Kind = Pool::Kind;

// The pixels of one window and the divisor of its average.
struct WindowPixels {
  std::vector<std::pair<int64_t, int64_t>> pixels;
  double divisor;
};
WindowPixels windowOf(const Pool& op, const Shape& in, int64_t oy, int64_t ox) {
  const Window& w = op.window;
  WindowPixels result{};
  int64_t padded = 0;
  for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
    for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
      const int64_t r = oy * w.strideHeight - w.padTop + ky * w.dilationHeight;
      const int64_t c = ox * w.strideWidth - w.padLeft + kx * w.dilationWidth;
      padded += r < in.height + w.padBottom && c < in.width + w.padRight;
      if (r >= 0 && r < in.height && c >= 0 && c < in.width) result.pixels.push_back({r, c});
    }
  result.divisor = static_cast<double>(op.countPadding ? padded : int64_t(result.pixels.size()));
  return result;
}

struct PoolCase {
  Pool op;
  int64_t count;
  Shape in;
  DType x, y;
  Layout from, to;
  bool accumulate = false;
  bool equal = false;  // all values are one: the first of each window wins
};

double outputOf(const PoolCase& c, const TestView& x, int64_t n, int64_t oy, int64_t ox, int64_t i) {
  const WindowPixels window = windowOf(c.op, c.in, oy, ox);
  double largest = -INFINITY, sum = 0, squares = 0;
  for (const auto& [row, column] : window.pixels) {
    const double value = x.at(n, row, column, i);
    largest = std::max(largest, value), sum += value, squares += value * value;
  }
  if (c.op.kind == Kind::max) return largest;
  if (c.op.kind == Kind::avg) return sum / window.divisor;
  return std::sqrt(squares / (c.op.mean ? window.divisor : 1));
}

void check(const PoolCase& c) {
  const Shape out = facenet::slidingShape(c.op.window, c.in, c.in.channels);
  const TestView x = TestView::random(c.x, c.count, c.in, c.from, 5, c.equal ? 1 : -1, 1);
  TestView y = TestView::untouched(c.y, c.count, out, c.to);
  const TestView dy = TestView::random(c.y, c.count, out, c.to, 6);
  GradientView dx(c.x, c.count, c.in, c.from, c.accumulate);
  const auto places = memoryOf(facenet::cuda::argmaxBytes(c.count, out));
  if (c.op.kind == Kind::max)
    facenet::cuda::maxPool(c.op, x.view(), y.view(), places.data(), nullptr);
  else
    facenet::cuda::pool(c.op, x.view(), y.view(), nullptr);
  facenet::cuda::poolGradient(c.op, {x.view(), y.view(), dy.view(), places.data()}, dx.view(), c.accumulate,
                              nullptr);

  // As the kernel stored it: l2_pool reads it again.
  y.check(
      "outputs",
      [&](int64_t n, int64_t row, int64_t column, int64_t i) { return outputOf(c, x, n, row, column, i); },
      [&](double value) { return std::abs(value) * rounding(c.y) + 1e-5; });
  Batch64 expected(c.count, c.in);
  forEachValue(c.count, out, [&](int64_t n, int64_t oy, int64_t ox, int64_t i) {
    const WindowPixels window = windowOf(c.op, c.in, oy, ox);
    const double g = dy.at(n, oy, ox, i), root = y.at(n, oy, ox, i);
    auto winner = window.pixels.front();
    for (const auto& [row, column] : window.pixels) {
      const double value = x.at(n, row, column, i);
      if (value > x.at(n, winner.first, winner.second, i)) winner = {row, column};
      double& sum = expected.at(n, row, column, i);
      if (c.op.kind == Kind::avg) sum += g / window.divisor;
      if (c.op.kind == Kind::l2) sum += value * g / (root * (c.op.mean ? window.divisor : 1));
    }
    if (c.op.kind == Kind::max) expected.at(n, winner.first, winner.second, i) += g;
  });
  dx.check(
      poolName(c.op.kind),
      [&](int64_t n, int64_t row, int64_t column, int64_t i) { return expected.at(n, row, column, i); },
      1e-5);
}

const std::vector<Window> windows{
    {3, 3, 2, 2, 0, 0, 0, 0, Rounding::ceil},        {3, 3, 2, 2, 1, 1, 1, 1, Rounding::floor},
    {3, 3, 1, 1, 1, 1, 1, 1, Rounding::floor},       {2, 3, 2, 1, 0, 1, 0, 1, Rounding::floor},
    {7, 9, 1, 1, 0, 0, 0, 0, Rounding::floor},       {5, 5, 1, 1, 2, 2, 2, 2, Rounding::floor},
    {2, 2, 2, 2, 0, 0, 1, 1, Rounding::ceil},        {1, 1, 2, 3, 0, 0, 0, 0, Rounding::floor},
    {3, 3, 1, 1, 2, 2, 2, 2, Rounding::floor, 2, 2}, {2, 3, 2, 1, 1, 2, 3, 4, Rounding::ceil, 3, 2}};

TEST("gradients of pools in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      for (const Window& window : windows)
        for (const Kind kind : {Kind::max, Kind::avg, Kind::l2})
          for (const bool flag : {false, true}) {
            check({{kind, window, false, flag, flag}, 2, {7, 9, 16}, x, y, {16}, {32, 8}, flag});
            check({{kind, window, false, flag, flag}, 1, {7, 9, 5}, x, y, {5}, {7}, !flag});
          }
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        check({{Kind::max, windows[0], false, false, false}, 2, {5, 4, channels}, x, y, from, to});
      });
    });
  });
}

TEST("of equal maxima the first gets the gradient, in every order") {
  inEveryOrder([] {
    for (const Window& window : windows)
      for (const int64_t channels : {5, 16})
        check({{Kind::max, window, false, false, false},
               2,
               {7, 9, channels},
               DType::bf16,
               DType::bf16,
               {16},
               {16},
               false,
               true});
  });
}

TEST("an l2_pool of zeros has no gradient") {
  const Shape in{4, 4, 8}, out{2, 2, 8};
  const Pool op{Kind::l2, {2, 2, 2, 2, 0, 0, 0, 0, Rounding::floor}, false, false, false};
  const TestView x = TestView::random(DType::f32, 1, in, {8}, 1, 0, 0);
  const TestView y = TestView::random(DType::f32, 1, out, {8}, 1, 0, 0);
  const TestView dy = TestView::random(DType::f32, 1, out, {8}, 2);
  GradientView dx(DType::f32, 1, in, {8}, false);
  facenet::cuda::poolGradient(op, {x.view(), y.view(), dy.view()}, dx.view(), false, nullptr);
  dx.check("l2", [](int64_t, int64_t, int64_t, int64_t) { return 0; }, 0);
}

// A window is read by each pixel that it holds, in 16-byte vectors; dx is written once.
TEST("gradients of pools read what their windows hold") {
  const Shape in{12, 12, 64};
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const Kind kind : {Kind::max, Kind::avg, Kind::l2})
      for (const size_t window : {0, 2, 6}) {
        const Pool op{kind, windows[window], false, false, false};
        const Shape out = facenet::slidingShape(op.window, in, in.channels);
        const TestView x = TestView::random(dtype, 1, in, {64}, 1);
        const TestView y = TestView::random(dtype, 1, out, {64}, 2);
        const TestView dy = TestView::random(dtype, 1, out, {64}, 3);
        const TestView dx = TestView::untouched(dtype, 1, in, {64});
        const auto places = onDevice(
            std::vector<uint8_t>(static_cast<size_t>(facenet::cuda::argmaxBytes(1, out)), uint8_t{0}));
        const Counters c = count([&] {
          facenet::cuda::poolGradient(op, {x.view(), y.view(), dy.view(), places.data()}, dx.view(), false,
                                      nullptr);
        });
        int64_t held = 0;  // pixels of all windows
        forEachValue(1, {out.height, out.width, 1}, [&](int64_t, int64_t oy, int64_t ox, int64_t) {
          held += static_cast<int64_t>(windowOf(op, in, oy, ox).pixels.size());
        });
        const auto bytes = static_cast<int64_t>(facenet::byteSize(dtype));
        const int64_t ofWindow = bytes + (kind == Kind::max ? 1 : kind == Kind::l2 ? bytes : 0);
        const int64_t read = held * 64 * ofWindow + (kind == Kind::l2 ? in.elements() * bytes : 0);
        expect(c.globalBytesRead == read, poolName(kind), ": ", c.globalBytesRead, " read of ", read);
        expect(c.globalBytesWritten == in.elements() * bytes, c.globalBytesWritten, " written");
      }
}

TEST("max_pool writes a byte an output beside the maxima") {
  const Shape in{8, 8, 64}, out{4, 4, 64};
  const Pool op{Kind::max, {2, 2, 2, 2, 0, 0, 0, 0, Rounding::floor}, false, false, false};
  const TestView x = TestView::random(DType::bf16, 1, in, {64}, 1);
  const TestView y = TestView::untouched(DType::bf16, 1, out, {64});
  const auto places = memoryOf(facenet::cuda::argmaxBytes(1, out));
  const Counters c = count([&] { facenet::cuda::maxPool(op, x.view(), y.view(), places.data(), nullptr); });
  expect(c.globalBytesRead == in.elements() * 2, c.globalBytesRead, " read");
  expect(c.globalBytesWritten == out.elements() * 3, c.globalBytesWritten, " written");
  expect(c.globalSectors == (in.elements() * 2 + out.elements() * 3) / 32, c.globalSectors, " sectors");
}

}  // namespace
}  // namespace emulator::tests
