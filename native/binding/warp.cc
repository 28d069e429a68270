#include "native/binding/warp.h"

#include <thread>

#include "native/binding/arrays.h"
#include "native/binding/devices.h"
#include "native/core/integers.h"

namespace facenet::binding {
namespace {

constexpr int64_t longestSide = 1 << 24;
// Rows that one thread takes at a time, and samples below which waking threads costs more than it saves.
constexpr int64_t bandRows = 16;
constexpr double fewSamples = 1 << 18;

// The crop at `index`, its output aside.
Warp readCrop(const Napi::Value& value, uint32_t index, Arrays& arrays) {
  const std::string name = text("crops[", index, "]");
  const Fields crop(value, name, Fields::Kind::argument);
  const Fields image = crop.object("image");
  Warp warp{};
  warp.height = image.integer("height", 1, longestSide);
  warp.width = image.integer("width", 1, longestSide);
  warp.image = arrays.inPlace<uint8_t>(image.get("data"), name + ".image.data", {warp.height, warp.width, 3});
  warp.map = readMap(crop);
  return warp;
}

}  // namespace

Affine readMap(const Fields& crop) {
  const Fields map = crop.object("map");
  return {map.number("xx"), map.number("xy"), map.number("x0"),
          map.number("yx"), map.number("yy"), map.number("y0")};
}

Napi::Promise Warper::warp(const Napi::CallbackInfo& info) {
  if (!info[0].IsArray()) throw invalidArgument("crops", "an array", describe(info[0]));
  const auto crops = info[0].As<Napi::Array>();
  const Fields options(info[1], "options", Fields::Kind::argument);
  const int64_t height = options.integer("height", 1, longestSide),
                width = options.integer("width", 1, longestSide);
  const int64_t count = crops.Length(), cropBytes = height * width * 3;
  Arrays arrays;
  auto* const out = arrays.output<uint8_t>(info[2], "out", {count, cropBytes});
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[3]);
  const Backend& backend = readBackend(options);

  std::vector<Warp> warps;
  double samples = 0;
  for (uint32_t i = 0; i < crops.Length(); ++i) {
    Warp warp = readCrop(crops.Get(i), i, arrays);
    warp.out = out + i * cropBytes;
    warp.outHeight = height;
    warp.outWidth = width;
    warp.cancel = cancel;
    const auto taps = static_cast<double>(warp.taps());
    samples += static_cast<double>(height * width) * taps * taps;
    warps.push_back(warp);
  }
  return worker_.post(std::move(arrays), [=, this, &backend]() -> PromiseWorker::Resolve {
    if (samples <= fewSamples) {
      for (const Warp& warp : warps) backend.warpRows(warp, 0, height);
      return {};
    }
    if (!pool_) pool_ = std::make_unique<ThreadPool>(std::max(1u, std::thread::hardware_concurrency()));
    const int64_t bands = ceilDivide(height, bandRows);
    pool_->run(count * bands, [&](int64_t item, int) {
      const int64_t first = item % bands * bandRows;
      backend.warpRows(warps[static_cast<size_t>(item / bands)], first, std::min(first + bandRows, height));
    });
    return {};
  });
}

}  // namespace facenet::binding
