// Affine crops, as the formula reads.
#include "native/backends/reference/backend.h"

namespace facenet::reference {
namespace {

// Adds one bilinear sample of three channels.
void addSample(const Warp& op, double u, double v, double* sums) {
  const auto right = static_cast<double>(op.width - 1), bottom = static_cast<double>(op.height - 1);
  if (u < -0.5 || v < -0.5 || u > right + 0.5 || v > bottom + 0.5) return;
  u = std::clamp(u, 0.0, right);
  v = std::clamp(v, 0.0, bottom);
  const auto x0 = static_cast<int64_t>(u), y0 = static_cast<int64_t>(v);
  const int64_t x1 = std::min(x0 + 1, op.width - 1), y1 = std::min(y0 + 1, op.height - 1);
  const double fx = u - static_cast<double>(x0), fy = v - static_cast<double>(y0);
  for (int c = 0; c < 3; ++c) {
    const auto at = [&](int64_t y, int64_t x) {
      return static_cast<double>(op.image[(y * op.width + x) * 3 + c]);
    };
    const double top = (1 - fx) * at(y0, x0) + fx * at(y0, x1);
    const double below = (1 - fx) * at(y1, x0) + fx * at(y1, x1);
    sums[c] += (1 - fy) * top + fy * below;
  }
}

}  // namespace

void ReferenceBackend::warpRows(const Warp& op, int64_t first, int64_t end) const {
  const int64_t taps = op.taps();
  const auto [xx, xy, x0, yx, yy, y0] = op.map;
  const auto offset = [&](int64_t i) {
    return (static_cast<double>(i) + 0.5) / static_cast<double>(taps) - 0.5;
  };
  for (int64_t row = first; row < end; ++row) {
    for (int64_t column = 0; column < op.outWidth; ++column) {
      op.throwIfCancelled();
      double sums[3] = {};
      for (int64_t j = 0; j < taps; ++j) {
        for (int64_t i = 0; i < taps; ++i) {
          const double x = static_cast<double>(column) + offset(i), y = static_cast<double>(row) + offset(j);
          addSample(op, xx * x + xy * y + x0, yx * x + yy * y + y0, sums);
        }
      }
      for (int c = 0; c < 3; ++c) {
        const double mean = sums[c] / static_cast<double>(taps * taps);
        op.out[(row * op.outWidth + column) * 3 + c] = static_cast<uint8_t>(mean + 0.5);
      }
    }
  }
}

}  // namespace facenet::reference
