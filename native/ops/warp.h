// warp: a crop of a photograph by an affine map, which may turn, scale and shift; how faces are aligned.
// Coordinates are in pixels, whole numbers at their centres. Output pixel (x, y) is the mean of taps x taps
// samples spread evenly over it, taken where the map leads in the image:
//   s_i = (i + 0.5) / taps - 0.5, i in [0, taps);  taps = the shrink rounded to whole, at least 1
//   u = xx (x + s_i) + xy (y + s_j) + x0,  v = yx (x + s_i) + yy (y + s_j) + y0
//   out[y][x][c] = floor(mean over i, j of bilinear(image, u, v)[c] + 0.5)
// Samples are then at most 1.5 image pixels apart and each reads 2, so no pixel is left out where the image
// shrinks; shrinking by a whole number gives box means, and the identity is exact. A sample more than half a
// pixel outside the image is black; nearer, the edge is repeated. Backends may differ by one level, where
// sums in another order fall on either side of a half.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "native/core/cancel.h"

namespace facenet {

struct Affine {
  double xx, xy, x0, yx, yy, y0;
};

struct Warp {
  const uint8_t* image;  // height x width x 3
  int64_t height, width;
  Affine map;    // from output pixels to image pixels, finite
  uint8_t* out;  // outHeight x outWidth x 3
  int64_t outHeight, outWidth;
  const std::atomic<int32_t>* cancel =
      nullptr;  // ends the work with ERR_FACENET_ABORTED where it is not zero

  // A map so coarse that the whole image falls between two samples gains nothing by more of them.
  int64_t taps() const {
    const double shrink = std::round(std::sqrt(std::abs(map.xx * map.yy - map.xy * map.yx)));
    return static_cast<int64_t>(std::clamp(shrink, 1.0, static_cast<double>(std::max(height, width))));
  }
  // Before each pixel of the output: one may have more samples than the image has pixels.
  void throwIfCancelled() const { facenet::throwIfCancelled(cancel); }
};

}  // namespace facenet
