// Where the pixels of an image go that is displayed turned or mirrored, as EXIF's orientation says.
#pragma once

#include <cstdint>

#include "native/images/jpeg.h"

namespace facenet {

// Stored pixel (x, y) is displayed at (x0 + xx x + xy y, y0 + yx x + yy y).
struct Orientation {
  int64_t x0, xx, xy, y0, yx, yy;
};
// Of an image that is stored as width x height.
Orientation orientationOf(int exif, int64_t width, int64_t height);

// Copies stored rows first..first + count - 1, each width x 3 bytes, to where they are displayed, so far as that is inside
// the region.
void placeRows(const Orientation& orientation, const uint8_t* rows, int64_t width, int64_t first,
               int64_t count, const JpegRegion& region, uint8_t* out);

}  // namespace facenet
