// JPEG files for libFuzzer: the first bytes say how the file is to be decoded, the rest is the file. The size is taken from the frame's header as
// lib/images/jpeg_header.ts does.
#include "native/images/jpeg.h"

#include "native/core/error.h"

namespace {

// Height and width of the first frame; 0 x 0 where there is none.
std::pair<int64_t, int64_t> frameOf(const uint8_t* bytes, size_t length) {
  for (size_t at = 2; at + 9 < length && bytes[at] == 0xff;) {
    const int marker = bytes[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc)
      return {bytes[at + 5] << 8 | bytes[at + 6], bytes[at + 7] << 8 | bytes[at + 8]};
    at += 2 + (bytes[at + 2] << 8 | bytes[at + 3]);
  }
  return {0, 0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return 0;
  const auto [height, width] = frameOf(data + 4, size - 4);
  if (height < 1 || width < 1 || height * width > 1 << 20) return 0;
  const facenet::JpegFile file{.bytes = data + 4,
                               .length = size - 4,
                               .width = width,
                               .height = height,
                               .orientation = 1 + data[0] % 8,
                               .shrink = 1 << data[1] % 4};
  const facenet::JpegSize shown = facenet::displayedSize(file);
  const int64_t left = data[2] * shown.width / 256, top = data[3] * shown.height / 256;
  const facenet::JpegRegion region{left, top, shown.width - left, shown.height - top};
  std::vector<uint8_t> out(static_cast<size_t>(region.width * region.height * 3)), rows;
  facenet::decodeJpeg(file, region, out.data(), rows, nullptr);
  return 0;
}
