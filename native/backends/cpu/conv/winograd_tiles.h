// The tiles of Winograd's F(4x4, 3x3) over the images of a batch, and their inputs.
#pragma once

#include <vector>

#include "native/backends/cpu/isa.h"
#include "native/core/shape.h"

namespace facenet::cpu {

// Output tiles of 4 x 4 pixels, row by row and image by image. The window of output pixel (y, x) begins at input
// pixel (y + firstY, x + firstX).
class WinogradTiles {
 public:
  WinogradTiles(int64_t height, int64_t width, int64_t firstY, int64_t firstX, int64_t channels)
      : down_((height + 3) / 4),
        across_((width + 3) / 4),
        firstY_(firstY),
        firstX_(firstX),
        channels_(channels),
        zeros_(static_cast<size_t>(roundUp(channels, isa().lanes)), 0.0f) {}

  int64_t count(int64_t images) const { return images * down_ * across_; }

  struct Corner {
    int64_t image, y, x;  // of the tile's first output pixel
  };
  Corner cornerOf(int64_t tile) const {
    const int64_t within = tile % (down_ * across_);
    return {tile / (down_ * across_), within / across_ * 4, within % across_ * 4};
  }

  // The 6 x 6 inputs of a tile to 36 planes of `transformed`, planeStride floats apart.
  void transformInput(const View& in, int64_t tile, float* transformed, int64_t planeStride) const {
    const Corner corner = cornerOf(tile);
    const int64_t height = in.shape.height, width = in.shape.width;
    const int64_t y0 = corner.y + firstY_, x0 = corner.x + firstX_;
    const float* first =
        in.as<float>() + corner.image * in.imageStride() + (y0 * width + x0) * in.pixelStride;
    WinogradInput task{{}, channels_, transformed, planeStride};
    const bool inside = y0 >= 0 && y0 + 6 <= height && x0 >= 0 && x0 + 6 <= width;
    for (int64_t y = 0; y < 6; ++y)
      for (int64_t x = 0; x < 6; ++x) {
        const bool here = inside || (y0 + y >= 0 && y0 + y < height && x0 + x >= 0 && x0 + x < width);
        task.pixels[y * 6 + x] = here ? first + (y * width + x) * in.pixelStride : zeros_.data();
      }
    isa().winogradInput(task);
  }

 private:
  int64_t down_, across_, firstY_, firstX_, channels_;
  std::vector<float> zeros_;
};

}  // namespace facenet::cpu
