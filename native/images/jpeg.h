// JPEG files to RGB pixels by libjpeg-turbo, as libvips makes them of the same file: the inverse DCT in whole numbers, smooth
// chroma upsampling. What could come out otherwise there (CMYK, damage that is only warned of, gain maps) is left undone, for
// sharp to decode or to refuse.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace facenet {

// Version of libjpeg-turbo; empty: built without.
std::string jpegVersion();

struct JpegFile {
  const uint8_t* bytes;
  size_t length;
  int64_t width, height;  // in pixels as stored; a file that says otherwise is left undone
  int orientation;        // 1..8, as EXIF counts them
  int shrink;             // 1, 2, 4 or 8: pixels each way that become one, within the DCT
};

// A rectangle of the image as displayed: turned, and shrunk before that.
struct JpegRegion {
  int64_t left, top, width, height;
};

// Width and height as displayed.
struct JpegSize {
  int64_t width, height;
};
JpegSize displayedSize(const JpegFile& file);

// Writes the region, which lies inside the image, as height x width x 3 bytes. False: left undone, what was written says
// nothing. The whole file is read all the same, so that one that ends early is noticed. `rows` is memory that is kept from
// file to file. Throws ERR_FACENET_ABORTED; `cancel` is looked at every few rows of blocks.
bool decodeJpeg(const JpegFile& file, const JpegRegion& region, uint8_t* out, std::vector<uint8_t>& rows,
                const std::atomic<int32_t>* cancel);

}  // namespace facenet
