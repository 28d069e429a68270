// Single linkage needs no more than the components of the graph of near pairs, and the other linkages never
// leave one.
#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/cluster_pairs.h"

namespace facenet::cpu {

DisjointSets components(const ClusterTask& task, ThreadPool& pool) {
  std::vector<DisjointSets> ofThreads(static_cast<size_t>(pool.size()), DisjointSets(task.count));
  pairsBelow(task, pool, [&](int thread, int64_t i, int64_t j, float) { ofThreads[thread].join(i, j); });
  DisjointSets result(task.count);
  for (int64_t i = 0; i < task.known; ++i) result.join(i, task.start[i]);
  for (DisjointSets& sets : ofThreads)
    for (int64_t i = 0; i < task.count; ++i) result.join(i, sets.find(i));
  return result;
}

void CpuBackend::cluster(const ClusterTask& task, int32_t* labels) const {
  checkRowsFinite(task);
  ThreadPool pool(task.threads);
  if (task.linkage == Linkage::average) return clusterAverage(task, pool, labels);
  if (task.linkage == Linkage::complete) return clusterComplete(task, pool, labels);
  DisjointSets sets = components(task, pool);
  for (int64_t i = 0; i < task.count; ++i) labels[i] = sets.find(i);
}

}  // namespace facenet::cpu
