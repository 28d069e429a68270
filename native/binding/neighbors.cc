#include "native/binding/neighbors.h"

#include <limits>

#include "native/binding/devices.h"
#include "native/binding/options.h"

namespace facenet::binding {
namespace {

// A Float32Array of whole rows, and how many.
Napi::TypedArray readRows(const Napi::Value& value, const char* argument, int64_t dimensions, int64_t& rows) {
  const Napi::TypedArray array = readTypedArray(value, argument, napi_float32_array);
  const auto length = static_cast<int64_t>(array.ElementLength());
  if (length % dimensions != 0)
    throw invalidArgument(argument, text("rows of ", dimensions), text(length, " values"));
  rows = length / dimensions;
  return array;
}

}  // namespace

Napi::Promise findNearest(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  TopK task;
  task.dimensions = options.integer("dimensions", 1, 1 << 20);
  const auto queries = readRows(info[0], "queries", task.dimensions, task.count);
  const auto gallery = readRows(info[1], "gallery", task.dimensions, task.rows);
  if (task.rows >= std::numeric_limits<int32_t>::max())
    throw invalidArgument("gallery", "fewer than 2^31 rows", text(task.rows));
  task.k = options.integer("k", 1, mostNeighbours);
  if (task.rows < task.k)
    throw invalidArgument("k", text("at most the ", task.rows, " rows of the gallery"), text(task.k));
  task.threads = static_cast<int>(options.integer("threads", 1, 1024));
  const FindNearest find = findNearestOn(readDevice(options.get("device")));
  const auto indices = readTypedArray(info[3], "indices", napi_int32_array, task.count * task.k);
  const auto distances = readTypedArray(info[4], "distances", napi_float32_array, task.count * task.k);
  const auto cancel = readTypedArray(info[5], "cancel", napi_int32_array, 1);

  auto* const flag = elementsOf<std::atomic<int32_t>>(cancel);
  task.cancel = flag;
  task.queries = elementsOf<const float>(queries);
  task.gallery = elementsOf<const float>(gallery);
  auto* const index = elementsOf<int32_t>(indices);
  auto* const distance = elementsOf<float>(distances);
  return worker.post({queries, gallery, indices, distances, cancel}, flag, [=]() -> PromiseWorker::Resolve {
    find(task, index, distance);
    return {};
  });
}

}  // namespace facenet::binding
