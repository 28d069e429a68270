// Complete linkage on lists of near clusters: two clusters join only where every pair of their rows is near,
// so a cluster's neighbours are those that all of its rows have in common, and lists only shrink. The nearest
// pair is found by chains of nearest neighbours (Murtagh, 1983), which for this linkage give what joining the
// nearest pair each time gives.
#include <atomic>

#include "native/backends/cpu/cluster_pairs.h"

namespace facenet::cpu {
namespace {

constexpr float gone = INFINITY;

struct Neighbor {
  int32_t cluster;
  float distance;  // the largest of all pairs of rows; `gone` where the cluster is no neighbour any more
};
using Neighbors = std::vector<Neighbor>;  // in rising order of clusters

// Of a pair: its two entries, and what vectors allocate beyond what they use.
constexpr int64_t kPairBytes = 3 * sizeof(Neighbor);

// Of each new row, the lower rows near it.
std::vector<Neighbors> nearRows(const ClusterTask& task, ThreadPool& pool) {
  const int64_t most = task.memoryBytes / kPairBytes;
  std::atomic<int64_t> pairs = 0;
  std::vector<Neighbors> lower(static_cast<size_t>(task.count));
  pairsBelow(task, pool, [&](int, int64_t i, int64_t j, float distance) {
    if (pairs.fetch_add(1, std::memory_order_relaxed) >= most)
      throw invalidArgument("threshold",
                            text("one below which at most ", most, " pairs of rows lie for complete linkage"),
                            text(task.threshold, ", with more pairs"));
    lower[i].push_back({static_cast<int32_t>(j), distance});
  });
  return lower;
}

// Entries of known rows become one of their cluster, where all of its rows are near.
void gatherKnown(const ClusterTask& task, const std::vector<int32_t>& sizes, Neighbors& near) {
  const auto known = std::partition_point(near.begin(), near.end(),
                                          [&](const Neighbor& each) { return each.cluster < task.known; });
  for (auto each = near.begin(); each != known; ++each) each->cluster = task.start[each->cluster];
  std::stable_sort(near.begin(), known, [](auto& a, auto& b) { return a.cluster < b.cluster; });
  Neighbors gathered;
  for (auto from = near.begin(); from != known;) {
    Neighbor all = *from;
    auto to = from;
    for (; to != known && to->cluster == all.cluster; ++to)
      all.distance = std::max(all.distance, to->distance);
    if (to - from == sizes[all.cluster]) gathered.push_back(all);
    from = to;
  }
  gathered.insert(gathered.end(), known, near.end());
  near = std::move(gathered);
}

// Every pair in the lists of both.
std::vector<Neighbors> bothWays(std::vector<Neighbors> lower) {
  std::vector<int32_t> higher(lower.size());
  for (const Neighbors& near : lower)
    for (const Neighbor& each : near) ++higher[each.cluster];
  for (size_t i = 0; i < lower.size(); ++i) lower[i].reserve(lower[i].size() + higher[i]);
  // Rows above i append to the list of i only after it was read.
  for (size_t i = 0; i < lower.size(); ++i) {
    for (const Neighbor& each : lower[i])
      lower[each.cluster].push_back({static_cast<int32_t>(i), each.distance});
  }
  return lower;
}

class Lists {
 public:
  explicit Lists(std::vector<Neighbors> lists) : lists_(std::move(lists)) {}

  // Of equally near ones the lowest; null where there is none.
  const Neighbor* nearest(int32_t cluster) {
    Neighbors& near = lists_[cluster];
    std::erase_if(near, [](const Neighbor& each) { return each.distance == gone; });
    const auto found =
        std::min_element(near.begin(), near.end(), [](auto& a, auto& b) { return a.distance < b.distance; });
    return found == near.end() ? nullptr : &*found;
  }

  // b joins a.
  void join(int32_t a, int32_t b) {
    Neighbors common;
    Neighbors ofA = std::move(lists_[a]), ofB = std::move(lists_[b]);
    lists_[b].clear();
    for (const Neighbor& each : ofA)
      if (each.cluster != b && each.distance != gone) replace(each.cluster, a, b, common);
    for (const Neighbor& each : ofB)
      if (each.cluster != a && each.distance != gone) drop(each.cluster, b);
    lists_[a] = std::move(common);
  }

 private:
  Neighbor* find(int32_t owner, int32_t cluster) {
    Neighbors& near = lists_[owner];
    const auto found =
        std::lower_bound(near.begin(), near.end(), cluster,
                         [](const Neighbor& each, int32_t wanted) { return each.cluster < wanted; });
    return found == near.end() || found->cluster != cluster ? nullptr : &*found;
  }

  // `owner`, a neighbour of a, stays one where it is one of b too.
  void replace(int32_t owner, int32_t a, int32_t b, Neighbors& common) {
    Neighbor* const first = find(owner, a);
    const Neighbor* const second = find(owner, b);
    first->distance = second ? std::max(first->distance, second->distance) : gone;
    if (first->distance != gone) common.push_back({owner, first->distance});
  }

  void drop(int32_t owner, int32_t cluster) {
    if (Neighbor* const found = find(owner, cluster)) found->distance = gone;
  }

  std::vector<Neighbors> lists_;
};

}  // namespace

void clusterComplete(const ClusterTask& task, ThreadPool& pool, int32_t* labels) {
  std::vector<Neighbors> near = nearRows(task, pool);
  std::vector<int32_t> sizes(static_cast<size_t>(task.count));
  DisjointSets sets(task.count);
  for (int64_t i = 0; i < task.known; ++i) {
    ++sizes[task.start[i]];
    sets.join(i, task.start[i]);
  }
  if (task.known > 0)
    for (Neighbors& each : near) gatherKnown(task, sizes, each);
  Lists lists(bothWays(std::move(near)));

  std::vector<int32_t> chain;
  for (int32_t start = 0; start < task.count; ++start) {
    task.throwIfCancelled();
    // A cluster that was joined to another has an empty list.
    chain.assign(1, start);
    while (!chain.empty()) {
      const int32_t last = chain.back();
      const Neighbor* const next = lists.nearest(last);
      if (!next) {
        chain.pop_back();
      } else if (chain.size() > 1 && chain[chain.size() - 2] == next->cluster) {
        const int32_t lower = std::min(last, next->cluster), higher = std::max(last, next->cluster);
        chain.resize(chain.size() - 2);
        lists.join(lower, higher);
        sets.join(lower, higher);
        if (chain.empty()) chain.push_back(lower);
      } else {
        chain.push_back(next->cluster);
      }
    }
  }
  for (int64_t i = 0; i < task.count; ++i) labels[i] = sets.find(i);
}

}  // namespace facenet::cpu
