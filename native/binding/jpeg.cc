#include "native/binding/jpeg.h"

#include <new>
#include <thread>

#include "native/binding/arrays.h"
#include "native/binding/devices.h"
#include "native/binding/fields.h"
#include "native/binding/warp.h"
#include "native/core/thread_pool.h"
#include "native/images/jpeg.h"

namespace facenet::binding {
namespace {

constexpr int64_t longestSide = 65535;  // of the format

struct Decoding {
  JpegFile file;
  JpegRegion region;
  uint8_t* out;
};

JpegFile readFile(const Fields& image, const std::string& name, Arrays& arrays) {
  const std::span<const uint8_t> bytes = arrays.inPlace<uint8_t>(image.get("data"), name + ".data");
  JpegFile file{bytes.data(), bytes.size(), 0, 0, 1, 1};
  file.width = image.integer("width", 1, longestSide);
  file.height = image.integer("height", 1, longestSide);
  file.orientation = static_cast<int>(image.integer("orientation", 1, 8));
  file.shrink = static_cast<int>(image.integer("shrink", 1, 8));
  if ((file.shrink & (file.shrink - 1)) != 0) throw image.wrong("shrink", "1, 2, 4 or 8");
  return file;
}

JpegRegion readRegion(const Fields& region, const JpegSize& image) {
  JpegRegion result{};
  result.left = region.integer("left", 0, image.width - 1);
  result.top = region.integer("top", 0, image.height - 1);
  result.width = region.integer("width", 1, image.width - result.left);
  result.height = region.integer("height", 1, image.height - result.top);
  return result;
}

// The image at `index`, where its pixels go aside.
Decoding readDecoding(const Fields& image, const std::string& name, Arrays& arrays) {
  Decoding decoding{};
  decoding.file = readFile(image, name, arrays);
  decoding.region = readRegion(image.object("region"), displayedSize(decoding.file));
  return decoding;
}

struct Crop {
  Decoding decoding;
  Warp warp;
};

// Of a region that is decoded into memory of the job's own.
Crop readCrop(const Fields& image, const std::string& name, Arrays& arrays) {
  Crop crop{readDecoding(image, name, arrays), {}};
  crop.warp.height = crop.decoding.region.height;
  crop.warp.width = crop.decoding.region.width;
  crop.warp.map = readMap(image);
  return crop;
}

Napi::Array readImages(const Napi::Value& value) {
  if (!value.IsArray()) throw invalidArgument("images", "an array", describe(value));
  return value.As<Napi::Array>();
}

}  // namespace

JpegDecoder::JpegDecoder(Napi::Env env)
    : worker_(env, static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {}

Napi::Promise JpegDecoder::decode(const Napi::CallbackInfo& info) {
  const Napi::Array images = readImages(info[0]);
  Arrays arrays;
  auto* const decoded = arrays.output<uint8_t>(info[1], "decoded", {images.Length()});
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[2]);
  std::vector<Decoding> work;
  work.reserve(images.Length());
  for (uint32_t i = 0; i < images.Length(); ++i) {
    const std::string name = text("images[", i, "]");
    const Fields image(images.Get(i), name, Fields::Kind::argument);
    Decoding& decoding = work.emplace_back(readDecoding(image, name, arrays));
    const JpegRegion& region = decoding.region;
    decoding.out = arrays.inPlace<uint8_t>(image.get("out"), name + ".out", {region.height, region.width, 3});
  }
  return worker_.post(std::move(arrays), [=, work = std::move(work)]() -> PromiseWorker::Resolve {
    yieldToEventLoop();
    std::vector<uint8_t> rows;
    for (size_t i = 0; i < work.size(); ++i)
      decoded[i] = decodeJpeg(work[i].file, work[i].region, work[i].out, rows, cancel) ? 1 : 0;
    return {};
  });
}

Napi::Promise JpegDecoder::crop(const Napi::CallbackInfo& info) {
  const Napi::Array images = readImages(info[0]);
  const Fields options(info[1], "options", Fields::Kind::argument);
  const int64_t height = options.integer("height", 1, longestSide),
                width = options.integer("width", 1, longestSide);
  const Backend& backend = readBackend(options);
  Arrays arrays;
  auto* out = arrays.inPlace<uint8_t>(info[2], "out", {images.Length(), height, width, 3});
  auto* const decoded = arrays.output<uint8_t>(info[3], "decoded", {images.Length()});
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[4]);
  std::vector<Crop> work;
  work.reserve(images.Length());
  for (uint32_t i = 0; i < images.Length(); ++i) {
    const std::string name = text("images[", i, "]");
    Crop& crop =
        work.emplace_back(readCrop(Fields(images.Get(i), name, Fields::Kind::argument), name, arrays));
    crop.warp.out = out + i * height * width * 3;
    crop.warp.outHeight = height;
    crop.warp.outWidth = width;
    crop.warp.cancel = cancel;
  }
  return worker_.post(std::move(arrays), [=, work = std::move(work), &backend]() -> PromiseWorker::Resolve {
    yieldToEventLoop();
    std::vector<uint8_t> rows, pixels;
    for (size_t i = 0; i < work.size(); ++i) {
      decoded[i] = 0;
      const auto& [decoding, crop] = work[i];
      try {
        pixels.resize(static_cast<size_t>(decoding.region.height * decoding.region.width * 3));
      } catch (const std::bad_alloc&) {
        continue;  // one image that is too large is no reason to give up the others
      }
      if (!decodeJpeg(decoding.file, decoding.region, pixels.data(), rows, cancel)) continue;
      Warp warp = crop;
      warp.image = pixels.data();
      backend.warpRows(warp, 0, height);
      decoded[i] = 1;
    }
    return {};
  });
}

}  // namespace facenet::binding
