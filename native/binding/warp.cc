#include "native/binding/warp.h"

#include <thread>

#include "native/binding/fields.h"
#include "native/binding/options.h"
#include "native/core/integers.h"
#include "native/ops/warp.h"

namespace facenet::binding {
namespace {

constexpr int64_t longestSide = 1 << 24;
// Rows that one thread takes at a time, and samples below which waking threads costs more than it saves.
constexpr int64_t bandRows = 16;
constexpr int64_t fewSamples = 1 << 18;

using WarpRows = void (*)(const Warp&, int64_t first, int64_t end);

WarpRows warpRowsOn(Device device) {
  if (device == Device::cuda)
    throw Error("ERR_FACENET_CUDA_UNAVAILABLE", "Images cannot be cropped on CUDA", "device");
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return cpu::warpRows;
#endif
  return reference::warpRows;
}

// The crop at `index`, its output aside.
Warp readCrop(const Napi::Value& value, uint32_t index, std::vector<Napi::Object>& keepAlive) {
  const std::string name = text("crops[", index, "]");
  const Fields crop(value, name, Fields::Kind::argument);
  const Fields image = crop.object("image"), map = crop.object("map");
  Warp warp{};
  warp.height = image.integer("height", 1, longestSide);
  warp.width = image.integer("width", 1, longestSide);
  const Napi::TypedArray data =
      readTypedArray(image.get("data"), name + ".image.data", napi_uint8_array, warp.height * warp.width * 3);
  warp.image = elementsOf<const uint8_t>(data);
  warp.map = {map.number("xx"), map.number("xy"), map.number("x0"),
              map.number("yx"), map.number("yy"), map.number("y0")};
  keepAlive.push_back(data);
  return warp;
}

}  // namespace

Napi::Promise Warper::warp(const Napi::CallbackInfo& info) {
  if (!info[0].IsArray()) throw invalidArgument("crops", "an array", describe(info[0]));
  const auto crops = info[0].As<Napi::Array>();
  const Fields size(info[1], "size", Fields::Kind::argument);
  const int64_t height = size.integer("height", 1, longestSide),
                width = size.integer("width", 1, longestSide);
  const int64_t count = crops.Length(), cropBytes = height * width * 3;
  const auto out = readTypedArray(info[2], "out", napi_uint8_array, count * cropBytes);
  const WarpRows warpRows = warpRowsOn(readDevice(info[3]));

  std::vector<Napi::Object> keepAlive{out};
  std::vector<Warp> warps;
  int64_t samples = 0;
  for (uint32_t i = 0; i < crops.Length(); ++i) {
    Warp warp = readCrop(crops.Get(i), i, keepAlive);
    warp.out = elementsOf<uint8_t>(out) + i * cropBytes;
    warp.outHeight = height;
    warp.outWidth = width;
    samples += height * width * warp.taps() * warp.taps();
    warps.push_back(warp);
  }
  return worker_.post(keepAlive, nullptr, [=, this]() -> PromiseWorker::Resolve {
    if (samples <= fewSamples) {
      for (const Warp& warp : warps) warpRows(warp, 0, height);
      return {};
    }
    if (!pool_) pool_ = std::make_unique<ThreadPool>(std::max(1u, std::thread::hardware_concurrency()));
    const int64_t bands = ceilDivide(height, bandRows);
    pool_->run(count * bands, [&](int64_t item, int) {
      const int64_t first = item % bands * bandRows;
      warpRows(warps[static_cast<size_t>(item / bands)], first, std::min(first + bandRows, height));
    });
    return {};
  });
}

}  // namespace facenet::binding
