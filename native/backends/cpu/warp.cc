// Affine crops. A pixel is one vector of four floats, its fourth lane idle; rows of the output whose samples
// all lie well inside the image, which is nearly all of them, need no care at the edges.
#include <cstring>

#include "native/backends/cpu/backend.h"

namespace facenet::cpu {
namespace {

using Pixel = float __attribute__((vector_size(16)));
using Bytes = uint8_t __attribute__((vector_size(4)));

// Reads four bytes, so one past the pixel.
Pixel loadQuickly(const uint8_t* at) {
  Bytes bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  return __builtin_convertvector(bytes, Pixel);
}
Pixel loadSafely(const uint8_t* at) {
  return Pixel{static_cast<float>(at[0]), static_cast<float>(at[1]), static_cast<float>(at[2]), 0};
}

Pixel mix(Pixel a, Pixel b, float share) {
  return a + (b - a) * share;
}

// u in [0, width - 1), v in [0, height - 2).
Pixel sampleInside(const Warp& op, double u, double v) {
  const auto x = static_cast<int64_t>(u), y = static_cast<int64_t>(v);
  const auto fx = static_cast<float>(u - static_cast<double>(x));
  const auto fy = static_cast<float>(v - static_cast<double>(y));
  const uint8_t* top = op.image + (y * op.width + x) * 3;
  const uint8_t* below = top + op.width * 3;
  return mix(mix(loadQuickly(top), loadQuickly(top + 3), fx),
             mix(loadQuickly(below), loadQuickly(below + 3), fx), fy);
}

Pixel sampleAnywhere(const Warp& op, double u, double v) {
  const auto right = static_cast<double>(op.width - 1), bottom = static_cast<double>(op.height - 1);
  if (u < -0.5 || v < -0.5 || u > right + 0.5 || v > bottom + 0.5) return Pixel{};
  u = std::clamp(u, 0.0, right);
  v = std::clamp(v, 0.0, bottom);
  const auto x = static_cast<int64_t>(u), y = static_cast<int64_t>(v);
  const auto fx = static_cast<float>(u - static_cast<double>(x));
  const auto fy = static_cast<float>(v - static_cast<double>(y));
  const int64_t across = x + 1 < op.width ? 3 : 0;
  const uint8_t* top = op.image + (y * op.width + x) * 3;
  const uint8_t* below = top + (y + 1 < op.height ? op.width * 3 : 0);
  return mix(mix(loadSafely(top), loadSafely(top + across), fx),
             mix(loadSafely(below), loadSafely(below + across), fx), fy);
}

// Whether every sample of an output row meets the terms of sampleInside: those of its corners do.
bool rowIsInside(const Warp& op, int64_t row) {
  const auto [xx, xy, x0, yx, yy, y0] = op.map;
  for (const double x : {-0.5, static_cast<double>(op.outWidth) - 0.5}) {
    for (const double y : {static_cast<double>(row) - 0.5, static_cast<double>(row) + 0.5}) {
      const double u = xx * x + xy * y + x0, v = yx * x + yy * y + y0;
      if (!(u >= 0 && v >= 0 && u < static_cast<double>(op.width - 1) &&
            v < static_cast<double>(op.height - 2)))
        return false;
    }
  }
  return true;
}

template <class Sample>
void warpRow(const Warp& op, int64_t row, int64_t taps, const Sample& sample) {
  const auto [xx, xy, x0, yx, yy, y0] = op.map;
  const double step = 1 / static_cast<double>(taps);
  const auto share = static_cast<float>(step);
  uint8_t* out = op.out + row * op.outWidth * 3;
  for (int64_t column = 0; column < op.outWidth; ++column, out += 3) {
    op.throwIfCancelled();
    Pixel mean = {};
    for (int64_t j = 0; j < taps; ++j) {
      const double y = static_cast<double>(row) + (static_cast<double>(j) + 0.5) * step - 0.5;
      const double u0 = xy * y + x0, v0 = yy * y + y0;
      Pixel line = {};
      for (int64_t i = 0; i < taps; ++i) {
        const double x = static_cast<double>(column) + (static_cast<double>(i) + 0.5) * step - 0.5;
        line += sample(op, xx * x + u0, yx * x + v0);
      }
      mean += line * share;
    }
    for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(mean[c] * share + 0.5f);
  }
}

}  // namespace

void CpuBackend::warpRows(const Warp& op, int64_t first, int64_t end) const {
  const int64_t taps = op.taps();
  for (int64_t row = first; row < end; ++row) {
    if (rowIsInside(op, row))
      warpRow(op, row, taps, sampleInside);
    else
      warpRow(op, row, taps, sampleAnywhere);
  }
}

}  // namespace facenet::cpu
