// The left factor of a convolution's GEMM, M x K: a row for each output pixel, K its taps one after the other with
// the same number of channels each (im2col). The matrix is not laid out: a row is a pointer into the source for each
// tap, or to zeros where the window hangs over the edge.
//
// Output pixel (y, x) of a grid reads source pixel (y * stride + tap.y, x * stride + tap.x) under each tap. A
// convolution reads its input so, and its data gradient reads the output's gradient so.
#pragma once

#include <algorithm>
#include <vector>

#include "native/core/shape.h"

namespace facenet::cpu {

struct Tap {
  int64_t y = 0, x = 0;
};

class Im2col {
 public:
  Im2col(int64_t height, int64_t width, int64_t strideHeight, int64_t strideWidth, std::vector<Tap> taps)
      : height_(height),
        width_(width),
        strideHeight_(strideHeight),
        strideWidth_(strideWidth),
        taps_(std::move(taps)) {
    if (taps_.empty()) return;
    low_ = high_ = taps_[0];
    for (const Tap& tap : taps_) {
      low_ = {std::min(low_.y, tap.y), std::min(low_.x, tap.x)};
      high_ = {std::max(high_.y, tap.y), std::max(high_.x, tap.x)};
    }
  }

  int64_t height() const { return height_; }  // of the grid
  int64_t width() const { return width_; }
  int64_t pixels() const { return height_ * width_; }
  int64_t stridePixels() const { return strideHeight_ * strideWidth_; }
  const std::vector<Tap>& taps() const { return taps_; }
  int64_t count() const { return static_cast<int64_t>(taps_.size()); }

  // Whether some tap of some pixel is outside a source of that shape.
  bool hangsOver(const Shape& source) const {
    return low_.y < 0 || low_.x < 0 || (height_ - 1) * strideHeight_ + high_.y >= source.height ||
           (width_ - 1) * strideWidth_ + high_.x >= source.width;
  }

  // rows[t * tapStride + i] for grid pixels first + i, i < tapStride, counted through the images of `source`;
  // pixels from `end` on repeat the last one before.
  void point(const View& source, const float* zeros, int64_t first, int64_t end, int64_t tapStride,
             const float** rows) const {
    if (pointwise(source.shape)) {
      for (int64_t i = 0; i < tapStride; ++i)
        rows[i] = source.as<float>() + std::min(first + i, end - 1) * source.pixelStride;
      return;
    }
    int64_t image = first / pixels(), y = first % pixels() / width_, x = first % width_;
    for (int64_t i = 0; i < tapStride; ++i) {
      pointAtPixel(source, zeros, source.as<float>() + image * source.imageStride(), y * strideHeight_,
                   x * strideWidth_, tapStride, rows + i);
      if (first + i + 1 >= end) {
        repeat(tapStride, i, rows);
        return;
      }
      if (++x == width_) x = 0, ++y;
      if (y == height_) y = 0, ++image;
    }
  }

 private:
  bool pointwise(const Shape& source) const {
    return count() == 1 && taps_[0].y == 0 && taps_[0].x == 0 && strideHeight_ == 1 && strideWidth_ == 1 &&
           height_ == source.height && width_ == source.width;
  }

  // The taps around source pixel (y0, x0) of an image.
  void pointAtPixel(const View& source, const float* zeros, const float* image, int64_t y0, int64_t x0,
                    int64_t tapStride, const float** row) const {
    const int64_t height = source.shape.height, width = source.shape.width;
    const bool inside = y0 + low_.y >= 0 && y0 + high_.y < height && x0 + low_.x >= 0 && x0 + high_.x < width;
    for (const Tap& tap : taps_) {
      const int64_t y = y0 + tap.y, x = x0 + tap.x;
      const bool here = inside || (y >= 0 && y < height && x >= 0 && x < width);
      *row = here ? image + (y * width + x) * source.pixelStride : zeros;
      row += tapStride;
    }
  }

  void repeat(int64_t tapStride, int64_t last, const float** rows) const {
    for (int64_t t = 0; t < count(); ++t, rows += tapStride)
      std::fill(rows + last + 1, rows + tapStride, rows[last]);
  }

  int64_t height_, width_, strideHeight_, strideWidth_;
  std::vector<Tap> taps_;
  Tap low_, high_;  // the least and the largest offsets
};

}  // namespace facenet::cpu
