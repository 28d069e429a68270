#include "native/images/place_rows.h"

#include <algorithm>
#include <cstring>

namespace facenet {
namespace {

struct Range {
  int64_t first, end;
};

// Of the whole numbers v in [first, end) those for which origin + step v, step 1 or -1, is in [low, high).
Range inside(Range range, int64_t origin, int64_t step, int64_t low, int64_t high) {
  if (step > 0) return {std::max(range.first, low - origin), std::min(range.end, high - origin)};
  return {std::max(range.first, origin - high + 1), std::min(range.end, origin - low + 1)};
}

}  // namespace

Orientation orientationOf(int exif, int64_t width, int64_t height) {
  const int64_t right = width - 1, bottom = height - 1;
  switch (exif) {
    case 2: return {right, -1, 0, 0, 0, 1};        // mirrored left to right
    case 3: return {right, -1, 0, bottom, 0, -1};  // turned by 180 degrees
    case 4: return {0, 1, 0, bottom, 0, -1};       // mirrored top to bottom
    case 5: return {0, 0, 1, 0, 1, 0};             // mirrored along the diagonal
    case 6: return {bottom, 0, -1, 0, 1, 0};       // turned by 90 degrees clockwise
    case 7: return {bottom, 0, -1, right, -1, 0};  // mirrored along the other diagonal
    case 8: return {0, 0, 1, right, -1, 0};        // turned by 90 degrees counter-clockwise
    default: return {0, 1, 0, 0, 0, 1};
  }
}

void placeRows(const Orientation& o, const uint8_t* rows, int64_t width, int64_t first, int64_t count,
               const JpegRegion& region, uint8_t* out) {
  const int64_t right = region.left + region.width, bottom = region.top + region.height;
  Range xs{0, width}, ys{first, first + count};
  if (o.xx != 0) {
    xs = inside(xs, o.x0, o.xx, region.left, right);
    ys = inside(ys, o.y0, o.yy, region.top, bottom);
  } else {
    xs = inside(xs, o.y0, o.yx, region.top, bottom);
    ys = inside(ys, o.x0, o.xy, region.left, right);
  }
  if (xs.first >= xs.end || ys.first >= ys.end) return;
  const auto source = [&](int64_t x, int64_t y) { return rows + ((y - first) * width + x) * 3; };
  const auto target = [&](int64_t x, int64_t y) {
    const int64_t column = o.x0 + o.xx * x + o.xy * y - region.left,
                  row = o.y0 + o.yx * x + o.yy * y - region.top;
    return out + (row * region.width + column) * 3;
  };
  if (o.xx == 1) {
    for (int64_t y = ys.first; y < ys.end; ++y)
      std::memcpy(target(xs.first, y), source(xs.first, y), static_cast<size_t>(xs.end - xs.first) * 3);
    return;
  }
  // Pixel by pixel, in the order in which they are written: along x where a row stays a row, else along y.
  const auto copy = [&](int64_t x, int64_t y) { std::memcpy(target(x, y), source(x, y), 3); };
  if (o.xx != 0) {
    for (int64_t y = ys.first; y < ys.end; ++y)
      for (int64_t x = xs.first; x < xs.end; ++x) copy(x, y);
  } else {
    for (int64_t x = xs.first; x < xs.end; ++x)
      for (int64_t y = ys.first; y < ys.end; ++y) copy(x, y);
  }
}

}  // namespace facenet
