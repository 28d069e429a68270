#include "native/binding/rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "native/binding/devices.h"

namespace facenet::binding {

Rows toRows(std::span<const float> values, const std::string& argument, int64_t dimensions) {
  const auto length = static_cast<int64_t>(values.size());
  if (length % dimensions != 0)
    throw invalidArgument(argument, text("rows of ", dimensions), text(length, " values"));
  if (length / dimensions >= std::numeric_limits<int32_t>::max())
    throw invalidArgument(argument, "fewer than 2^31 rows", text(length / dimensions));
  return {values.data(), length / dimensions, dimensions};
}

void checkFinite(const Rows& rows, const std::string& argument) {
  constexpr float most = 1e15f;
  for (int64_t r = 0; r < rows.count; ++r) {
    const float* const row = rows.data + r * rows.dimensions;
    int32_t wrong = 0;
    for (int64_t k = 0; k < rows.dimensions; ++k) wrong |= !(std::fabs(row[k]) <= most);
    if (!wrong) continue;
    int64_t at = 0;
    while (at < rows.dimensions && std::fabs(row[at]) <= most) ++at;
    // Of a SharedArrayBuffer the value may be another one by now.
    const float value = row[std::min(at, rows.dimensions - 1)];
    const std::string received = std::isnan(value)   ? "NaN"
                                 : std::isinf(value) ? (value > 0 ? "Infinity" : "-Infinity")
                                                     : text(value);
    throw invalidArgument(argument, "finite values of at most 1000000000000000 in size",
                          text(received, " in row ", r));
  }
}

Napi::Promise l2Normalize(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[1], "options", Fields::Kind::argument);
  Arrays arrays;
  const Rows x = toRows(arrays.input<float>(info[0], "x"), "x", options.integer("dimensions", 1));
  const auto epsilon = static_cast<float>(options.number("epsilon"));
  if (!(epsilon >= 0)) throw options.wrong("epsilon", "a number of at least 0");
  auto* const out = arrays.output<float>(info[2], "out", {x.count, x.dimensions});
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[3]);
  const Backend& backend = readBackend(options);
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    checkFinite(x, "x");
    backend.l2Normalize(x.data, x.count, x.dimensions, epsilon, out, cancel);
    return {};
  });
}

Napi::Promise pairwiseDistances(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  const int64_t dimensions = options.integer("dimensions", 1);
  const std::string nameOfB = options.has("b") ? options.string("b") : "b";
  const bool same = info[0].StrictEquals(info[1]);
  Arrays arrays;
  const Rows a = toRows(arrays.input<float>(info[0], "a"), "a", dimensions);
  const Rows b = same ? a : toRows(arrays.input<float>(info[1], nameOfB), nameOfB, dimensions);
  auto* const out = arrays.inPlace<float>(info[3], "out", {a.count, b.count});
  const DistanceTask task = {.a = a.data,
                             .n = a.count,
                             .b = b.data,
                             .m = b.count,
                             .dimensions = dimensions,
                             .threads = readThreads(options),
                             .cancel = arrays.readCancel(info[4])};
  const Backend& backend = readBackend(options);
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    checkFinite(a, "a");
    if (!same) checkFinite(b, nameOfB);
    backend.pairwiseDistances(task, out);
    return {};
  });
}

Napi::Promise findNearest(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  TopK task;
  task.dimensions = options.integer("dimensions", 1, 1 << 20);
  Arrays arrays;
  const Rows queries = toRows(arrays.input<float>(info[0], "queries"), "queries", task.dimensions);
  const Rows gallery = toRows(arrays.input<float>(info[1], "gallery"), "gallery", task.dimensions);
  task.queries = queries.data;
  task.count = queries.count;
  task.gallery = gallery.data;
  task.rows = gallery.count;
  task.k = options.integer("k", 1, maxNeighbors);
  if (task.rows < task.k)
    throw invalidArgument("k", text("at most the ", task.rows, " rows of the gallery"), text(task.k));
  task.threads = readThreads(options);
  const Backend& backend = readBackend(options);
  auto* const indices = arrays.output<int32_t>(info[3], "indices", {task.count, task.k});
  auto* const distances = arrays.output<float>(info[4], "distances", {task.count, task.k});
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[5]);
  task.cancel = cancel;
  const bool indexed = options.has("index");  // and so looked through
  if (indexed) {
    const int64_t bytes = backend.indexBytes(task.rows, task.dimensions);
    const auto* const index = arrays.inPlace<uint8_t>(options.get("index"), "index", {bytes});
    if (bytes > 0) task.index = reinterpret_cast<const std::byte*>(index);
  }
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    checkFinite(queries, "queries");
    if (!indexed) checkFinite(gallery, "gallery");
    backend.findNearest(task, indices, distances);
    return {};
  });
}

Napi::Value indexBytes(const Napi::CallbackInfo& info) {
  const Fields options(info[0], "options", Fields::Kind::argument);
  const int64_t rows = options.integer("rows", 0, std::numeric_limits<int32_t>::max());
  const int64_t bytes = readBackend(options).indexBytes(rows, options.integer("dimensions", 1, 1 << 20));
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

Napi::Promise indexRows(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[1], "options", Fields::Kind::argument);
  IndexTask task;
  task.dimensions = options.integer("dimensions", 1, 1 << 20);
  Arrays arrays;
  const Rows rows = toRows(arrays.input<float>(info[0], "rows"), "rows", task.dimensions);
  task.gallery = rows.data;
  task.rows = rows.count;
  task.from = options.integer("from", 0, rows.count);
  task.threads = readThreads(options);
  const Backend& backend = readBackend(options);
  const int64_t bytes = backend.indexBytes(task.rows, task.dimensions);
  auto* const index = reinterpret_cast<std::byte*>(arrays.inPlace<uint8_t>(info[2], "index", {bytes}));
  task.cancel = arrays.readCancel(info[3]);
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    checkFinite({rows.data + task.from * task.dimensions, rows.count - task.from, task.dimensions}, "rows");
    if (bytes > 0) backend.indexRows(task, index);
    return {};
  });
}

namespace {

// What both ways to cluster take; the cancel flag is argument 3.
ClusterTask readClusterTask(const Napi::CallbackInfo& info, const Fields& options, Arrays& arrays) {
  const Rows rows =
      toRows(arrays.input<float>(info[0], "embeddings"), "embeddings", options.integer("dimensions", 1));
  ClusterTask task;
  task.rows = rows.data;
  task.count = rows.count;
  task.dimensions = rows.dimensions;
  task.threshold = options.number("threshold");
  task.threads = readThreads(options);
  task.cancelled = arrays.readCancel(info[3]);
  return task;
}

}  // namespace

Napi::Promise cluster(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[1], "options", Fields::Kind::argument);
  Arrays arrays;
  ClusterTask task = readClusterTask(info, options, arrays);
  task.linkage = options.oneOf<Linkage>(
      "linkage",
      {{"average", Linkage::average}, {"complete", Linkage::complete}, {"single", Linkage::single}});
  task.memoryBytes = options.integer("memoryBytes", 0, largestExact);
  task.known = options.integer("known", 0);
  if (task.known > task.count) throw invalidArgument("known", text("at most ", task.count), text(task.known));
  // Read where the clusters that are known start, written with the result.
  const auto* const start = arrays.copy<int32_t>(info[2], "labels", {task.count});
  auto* const labels = arrays.output<int32_t>(info[2], "labels", {task.count});
  const Backend& backend = readBackend(options);
  task.start = start;
  for (int64_t i = 0; i < task.known; ++i)
    if (start[i] < 0 || start[i] > i || start[start[i]] != start[i])
      throw invalidArgument(text("labels[", i, "]"), "the lowest row of its cluster", text(start[i]));
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    backend.cluster(task, labels);
    return {};
  });
}

Napi::Promise clusterByDensity(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[1], "options", Fields::Kind::argument);
  Arrays arrays;
  ClusterTask task = readClusterTask(info, options, arrays);
  task.minFaces = options.integer("minFaces", 1, std::numeric_limits<int32_t>::max());
  auto* const labels = arrays.output<int32_t>(info[2], "labels", {task.count});
  const Backend& backend = readBackend(options);
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    backend.clusterByDensity(task, labels);
    return {};
  });
}

}  // namespace facenet::binding
