#include "native/binding/jpeg.h"

#include <thread>

#include "native/binding/arrays.h"
#include "native/binding/fields.h"
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

Decoding readDecoding(const Napi::Value& value, uint32_t index, Arrays& arrays) {
  const std::string name = text("images[", index, "]");
  const Fields image(value, name, Fields::Kind::argument);
  Decoding decoding{};
  decoding.file = readFile(image, name, arrays);
  decoding.region = readRegion(image.object("region"), displayedSize(decoding.file));
  decoding.out = arrays.inPlace<uint8_t>(image.get("out"), name + ".out",
                                         {decoding.region.height, decoding.region.width, 3});
  return decoding;
}

}  // namespace

JpegDecoder::JpegDecoder(Napi::Env env)
    : worker_(env, static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {}

Napi::Promise JpegDecoder::decode(const Napi::CallbackInfo& info) {
  if (!info[0].IsArray()) throw invalidArgument("images", "an array", describe(info[0]));
  const auto images = info[0].As<Napi::Array>();
  Arrays arrays;
  auto* const decoded = arrays.output<uint8_t>(info[1], "decoded", {images.Length()});
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[2]);
  std::vector<Decoding> work;
  work.reserve(images.Length());
  for (uint32_t i = 0; i < images.Length(); ++i) work.push_back(readDecoding(images.Get(i), i, arrays));
  return worker_.post(std::move(arrays), [=, work = std::move(work)]() -> PromiseWorker::Resolve {
    yieldToEventLoop();
    std::vector<uint8_t> rows;
    for (size_t i = 0; i < work.size(); ++i)
      decoded[i] = decodeJpeg(work[i].file, work[i].region, work[i].out, rows, cancel) ? 1 : 0;
    return {};
  });
}

}  // namespace facenet::binding
