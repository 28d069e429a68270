#include "native/binding/cluster.h"

#include "native/binding/fields.h"
#include "native/binding/options.h"
#include "native/ops/cluster.h"

namespace facenet::binding {
namespace {

Cluster clusterOn(Device device) {
  if (device == Device::cuda)
    throw Error("ERR_FACENET_CUDA_UNAVAILABLE", "Clustering cannot run on CUDA in this build", "device");
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return cpu::cluster;
#endif
  return reference::cluster;
}

ClusterTask readTask(const Fields& options) {
  ClusterTask task;
  task.dimensions = options.integer("dimensions", 1);
  task.linkage = options.oneOf<Linkage>(
      "linkage",
      {{"average", Linkage::average}, {"complete", Linkage::complete}, {"single", Linkage::single}});
  task.threshold = options.number("threshold");
  task.threads = static_cast<int>(options.integer("threads", 1, 1024));
  task.memoryBytes = static_cast<int64_t>(options.number("memoryBytes"));
  task.known = options.integer("known", 0);
  return task;
}

}  // namespace

Napi::Promise cluster(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[1], "options", Fields::Kind::argument);
  ClusterTask task = readTask(options);
  const auto rows = readTypedArray(info[0], "embeddings", napi_float32_array);
  if (static_cast<int64_t>(rows.ElementLength()) % task.dimensions != 0)
    throw invalidArgument("embeddings", text("rows of ", task.dimensions),
                          text(rows.ElementLength(), " values"));
  task.count = static_cast<int64_t>(rows.ElementLength()) / task.dimensions;
  if (task.known > task.count) throw invalidArgument("known", text("at most ", task.count), text(task.known));
  // Read where the clusters that are known start, written with the result.
  const auto labels = readTypedArray(info[2], "labels", napi_int32_array, task.count);
  const auto cancel = readTypedArray(info[3], "cancel", napi_int32_array, 1);
  const Cluster run = clusterOn(readDevice(info[4]));

  task.rows = elementsOf<const float>(rows);
  auto* const flag = elementsOf<std::atomic<int32_t>>(cancel);
  task.cancelled = flag;
  auto* const out = elementsOf<int32_t>(labels);
  std::vector<int32_t> start(out, out + task.known);
  for (int64_t i = 0; i < task.known; ++i)
    if (start[i] < 0 || start[i] > i || start[start[i]] != start[i])
      throw invalidArgument(text("labels[", i, "]"), "the lowest row of its cluster", text(start[i]));
  return worker.post({rows, labels, cancel}, flag,
                     [task, run, out, start = std::move(start)]() mutable -> PromiseWorker::Resolve {
                       task.start = start.data();
                       run(task, out);
                       return {};
                     });
}

}  // namespace facenet::binding
