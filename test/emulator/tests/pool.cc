#include "cuda/pool.cuh"

#include <algorithm>
#include <cmath>
#include <limits>

#include "test.h"

namespace emulator::tests {
namespace {

using facenet::bf16;
using facenet::DType;
using facenet::Pool;
using facenet::Rounding;
using facenet::Shape;
using facenet::Window;

// The formula of ops/pool.h in fp64 at one output value.
double expectedAt(const Pool& op, const Shape& in, const std::function<double(int64_t, int64_t)>& x,
                  int64_t oy, int64_t ox) {
  const Window& w = op.window;
  double largest = -std::numeric_limits<double>::infinity(), sum = 0, squares = 0;
  int64_t inside = 0, padded = 0;
  for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
    for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
      const int64_t r = oy * w.strideHeight - w.padTop + ky, c = ox * w.strideWidth - w.padLeft + kx;
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

// Strides are larger than the channel counts: images are slices of concatenations. What lies between stays.
template <class T>
void check(const Pool& op, int64_t count, const Shape& in, int64_t inStride, int64_t outStride) {
  const Shape out = facenet::slidingShape(op.window, in, in.channels);
  const auto values = randomValues(static_cast<size_t>(count * in.pixels() * inStride), 5);
  std::vector<T> x;
  for (const float value : values) x.push_back(facenet::fromFloat<T>(value));
  constexpr float kUntouched = 77;
  const auto xs = onDevice(x);
  const auto ys = onDevice(std::vector<T>(static_cast<size_t>(count * out.pixels() * outStride),
                                          facenet::fromFloat<T>(kUntouched)));
  const DType dtype = sizeof(T) == 4 ? DType::f32 : DType::bf16;
  facenet::cuda::pool(op, {xs.data(), dtype, count, in, inStride}, {ys.data(), dtype, count, out, outStride},
                      nullptr);
  const auto y = onHost(ys);
  for (int64_t pixel = 0; pixel < count * out.pixels(); ++pixel)
    for (int64_t c = 0; c < outStride; ++c) {
      const float found = facenet::toFloat(y[static_cast<size_t>(pixel * outStride + c)]);
      if (c >= in.channels) {
        expect(found == kUntouched, "channel ", c, " beyond the image was written");
        continue;
      }
      const int64_t image = pixel / out.pixels(), oy = pixel % out.pixels() / out.width,
                    ox = pixel % out.width;
      const double expected = expectedAt(
          op, in,
          [&](int64_t row, int64_t column) {
            const int64_t at = ((image * in.height + row) * in.width + column) * inStride + c;
            return double{facenet::toFloat(x[static_cast<size_t>(at)])};
          },
          oy, ox);
      // Half a unit in the last place of the stored type, and of fp32 for every addition on values of at
      // most 1.
      const double window = static_cast<double>(op.window.kernelHeight * op.window.kernelWidth);
      const double rounding = sizeof(T) == 4 ? 0x1p-24 : 0x1p-8;
      const double tolerance =
          op.kind == Pool::Kind::max ? 0 : std::abs(expected) * (rounding + 0x1p-23) + window * 0x1p-24;
      expect(std::abs(found - expected) <= tolerance, facenet::poolName(op.kind), " at ", oy, ", ", ox, ", ",
             c, ": ", found, " not ", expected);
    }
}

template <class T>
void checkAll() {
  const std::vector<Window> windows{
      {3, 3, 2, 2, 0, 0, 0, 0, Rounding::ceil},  {3, 3, 2, 2, 0, 0, 1, 1, Rounding::floor},
      {3, 3, 1, 1, 1, 1, 1, 1, Rounding::floor}, {2, 3, 2, 1, 0, 1, 0, 1, Rounding::floor},
      {7, 9, 1, 1, 0, 0, 0, 0, Rounding::floor}, {3, 3, 2, 2, 1, 1, 1, 1, Rounding::ceil}};
  for (const Window& window : windows)
    for (const Pool::Kind kind : {Pool::Kind::max, Pool::Kind::avg, Pool::Kind::l2})
      for (const bool flag : {false, true}) {
        const Pool op{kind, window, false, flag, flag};
        check<T>(op, 2, {7, 9, 16}, 16, 32);
        check<T>(op, 1, {7, 9, 5}, 5, 7);
      }
}

TEST("pools of fp32 images, in every order") {
  inEveryOrder(checkAll<float>);
}
TEST("pools of bf16 images, in every order") {
  inEveryOrder(checkAll<bf16>);
}

TEST("a pool without overlap reads each value once, in 16-byte pieces without waste") {
  const Pool op{Pool::Kind::max, {2, 2, 2, 2, 0, 0, 0, 0, Rounding::floor}, false, false, false};
  const Counters c = count([&] { check<bf16>(op, 1, {8, 8, 64}, 64, 64); });
  const int64_t read = 8 * 8 * 64 * 2, written = read / 4;
  expect(c.globalBytesRead == read && c.globalBytesWritten == written, c.globalBytesRead, " ",
         c.globalBytesWritten);
  expect(c.globalSectors == (read + written) / 32, c.globalSectors, " sectors");
}

}  // namespace
}  // namespace emulator::tests
