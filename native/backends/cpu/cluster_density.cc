// DBSCAN without a list of neighbours: the pairs below the threshold go by twice, first to count them, then to join cores.
#include <limits>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/cluster_pairs.h"

namespace facenet::cpu {
namespace {

constexpr int32_t nobody = std::numeric_limits<int32_t>::max();

// A number per row for each thread, which are put together at the end.
struct OfThreads {
  OfThreads(const ThreadPool& pool, int64_t rows, int32_t value)
      : numbers(static_cast<size_t>(pool.size()), std::vector<int32_t>(static_cast<size_t>(rows), value)) {}

  template <class Combine>
  int32_t all(int64_t row, int32_t value, Combine&& combine) const {
    for (const auto& each : numbers) value = combine(value, each[static_cast<size_t>(row)]);
    return value;
  }

  std::vector<std::vector<int32_t>> numbers;
};

std::vector<char> findCores(const ClusterTask& task, ThreadPool& pool) {
  OfThreads neighbors(pool, task.count, 0);
  pairsBelow(task, pool, [&](int thread, int64_t i, int64_t j, float) {
    std::vector<int32_t>& counts = neighbors.numbers[static_cast<size_t>(thread)];
    ++counts[i];
    ++counts[j];
  });
  std::vector<char> core(static_cast<size_t>(task.count));
  for (int64_t i = 0; i < task.count; ++i)
    core[i] = neighbors.all(i, 1, [](int32_t a, int32_t b) { return a + b; }) >= task.minFaces;
  return core;
}

}  // namespace

void CpuBackend::clusterByDensity(const ClusterTask& task, int32_t* labels) const {
  checkRowsFinite(task);
  ThreadPool pool(task.threads);
  const std::vector<char> core = findCores(task, pool);

  std::vector<DisjointSets> ofThreads(static_cast<size_t>(pool.size()), DisjointSets(task.count));
  OfThreads lowest(pool, task.count, nobody);  // neighbour that is a core, of rows that are none
  pairsBelow(task, pool, [&](int thread, int64_t i, int64_t j, float) {
    std::vector<int32_t>& mine = lowest.numbers[static_cast<size_t>(thread)];
    if (core[i] && core[j])
      ofThreads[static_cast<size_t>(thread)].join(i, j);
    else if (core[i])
      mine[j] = std::min(mine[j], static_cast<int32_t>(i));
    else if (core[j])
      mine[i] = std::min(mine[i], static_cast<int32_t>(j));
  });
  DisjointSets sets(task.count);
  for (DisjointSets& each : ofThreads)
    for (int64_t i = 0; i < task.count; ++i) sets.join(i, each.find(i));
  for (int64_t i = 0; i < task.count; ++i) {
    const int32_t from = core[i] ? static_cast<int32_t>(i)
                                 : lowest.all(i, nobody, [](int32_t a, int32_t b) { return std::min(a, b); });
    labels[i] = from == nobody ? clusterNoise : sets.find(from);
  }
}

}  // namespace facenet::cpu
