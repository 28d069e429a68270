// Where a sliding sum reads: output pixel (y, x) of a grid reads source pixel (y * stride + tap.y,
// x * stride + tap.x) under each tap, and zeros outside the source. A convolution reads its input so, and its
// data gradient reads the output's gradient so.
#pragma once

#include <algorithm>
#include <vector>

#include "native/core/shape.h"

namespace facenet::cpu {

struct Tap {
  int64_t y = 0, x = 0;
};

struct Taps {
  int64_t height = 1, width = 1;  // of the grid
  int64_t strideHeight = 1, strideWidth = 1;
  std::vector<Tap> offsets;

  int64_t pixels() const { return height * width; }
  int64_t count() const { return static_cast<int64_t>(offsets.size()); }

  // rows[t * tapStride + i] for grid pixels first + i, i < tapStride, counted through the images of `source`;
  // pixels from `end` on repeat the last one before.
  void point(const View& source, const float* zeros, int64_t first, int64_t end, int64_t tapStride,
             const float** rows) const {
    if (count() == 1 && offsets[0].y == 0 && offsets[0].x == 0 && strideHeight == 1 && strideWidth == 1 &&
        height == source.shape.height && width == source.shape.width) {
      for (int64_t i = 0; i < tapStride; ++i)
        rows[i] = source.as<float>() + std::min(first + i, end - 1) * source.pixelStride;
      return;
    }
    int64_t image = first / pixels(), y = first % pixels() / width, x = first % width;
    for (int64_t i = 0; i < tapStride; ++i) {
      pointAtPixel(source, zeros, source.as<float>() + image * source.imageStride(), y * strideHeight,
                   x * strideWidth, tapStride, rows + i);
      if (first + i + 1 >= end) {
        repeat(tapStride, i, rows);
        return;
      }
      if (++x == width) x = 0, ++y;
      if (y == height) y = 0, ++image;
    }
  }

 private:
  void pointAtPixel(const View& source, const float* zeros, const float* image, int64_t y0, int64_t x0,
                    int64_t tapStride, const float** row) const {
    const auto sourceHeight = static_cast<uint64_t>(source.shape.height);
    const auto sourceWidth = static_cast<uint64_t>(source.shape.width);
    for (const Tap& tap : offsets) {
      const int64_t y = y0 + tap.y, x = x0 + tap.x;
      const bool inside = static_cast<uint64_t>(y) < sourceHeight && static_cast<uint64_t>(x) < sourceWidth;
      *row = inside ? image + (y * source.shape.width + x) * source.pixelStride : zeros;
      row += tapStride;
    }
  }
  void repeat(int64_t tapStride, int64_t last, const float** rows) const {
    for (int64_t t = 0; t < count(); ++t, rows += tapStride)
      std::fill(rows + last + 1, rows + tapStride, rows[last]);
  }
};

}  // namespace facenet::cpu
