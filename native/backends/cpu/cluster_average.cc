// Average linkage in memory for the rows only: a cluster is its mean and its scatter, and clusters are
// compared within the components of the graph of near rows, which they never leave. In each round every pair
// of clusters that are each other's nearest is joined; for this linkage no cluster comes nearer by that, so
// the rounds end where joining the nearest pair each time would. fp32 finds candidates with a margin for its
// rounding; fp64 decides.
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "native/backends/cpu/cluster_pairs.h"
#include "native/core/integers.h"

namespace facenet::cpu {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr int32_t none = -1;

using ParallelFor = std::function<void(int64_t items, const std::function<void(int64_t, int)>&)>;

struct Cluster {
  int32_t lowest;  // row
  bool known;      // holds known rows
  double size;
  double scatter;          // mean squared distance of its rows from their mean
  int32_t nearest = none;  // cluster
  double distance = 0;     // of `nearest`; the threshold where there is none
  double second = 0;       // every other cluster is at least as far
};

class Component {
 public:
  // `rows` in rising order.
  Component(const ClusterTask& task, const std::vector<int32_t>& rows)
      : task_(task), dimensions_(task.dimensions) {
    // Equal rows are at distance zero, so they are one cluster from the start.
    std::unordered_map<std::string_view, int32_t> equal;  // new rows, by their bytes
    std::unordered_map<int32_t, int32_t> known;           // known clusters, by their lowest rows
    const size_t bytes = static_cast<size_t>(dimensions_) * sizeof(float);
    std::vector<int32_t> of(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const int32_t row = rows[i], next = static_cast<int32_t>(clusters_.size());
      const bool old = row < task.known;
      const char* const data = reinterpret_cast<const char*>(task.rows + row * dimensions_);
      of[i] = old ? known.try_emplace(task.start[row], next).first->second
                  : equal.try_emplace(std::string_view(data, bytes), next).first->second;
      if (of[i] == next) clusters_.push_back({row, old, 0, 0});
      ++clusters_[of[i]].size;
    }
    setMeans(rows, of);
  }

  // Calls joined(a, b) with lowest rows.
  template <class Joined>
  void run(const ParallelFor& parallel, Joined&& joined) {
    std::vector<int32_t> active(clusters_.size());
    std::iota(active.begin(), active.end(), 0);
    for (std::vector<int32_t> stale = active; !stale.empty();) {
      findNearest(stale, active, parallel);
      std::erase_if(active, [&](int32_t x) { return clusters_[x].nearest == none; });
      stale = joinReciprocal(active, joined);
    }
  }

  template <class Joined>
  void joinEqual(const std::vector<int32_t>& rows, Joined&& joined) const {
    for (size_t i = 0; i < rows.size(); ++i) joined(clusters_[start_[i]].lowest, rows[i]);
  }

 private:
  double* mean(int32_t x) { return means_.data() + x * dimensions_; }

  void setMeans(const std::vector<int32_t>& rows, std::vector<int32_t>& of) {
    means_.assign(clusters_.size() * static_cast<size_t>(dimensions_), 0.0);
    for (size_t i = 0; i < rows.size(); ++i) {
      const float* const row = task_.rows + rows[i] * dimensions_;
      double squares = 0;
      for (int64_t k = 0; k < dimensions_; ++k) {
        mean(of[i])[k] += row[k] / clusters_[of[i]].size;
        squares += static_cast<double>(row[k]) * row[k];
      }
      longest_ = std::max(longest_, std::sqrt(squares));
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      Cluster& cluster = clusters_[of[i]];
      const float* const row = task_.rows + rows[i] * dimensions_;
      if (!cluster.known) {  // equal rows: their mean is exact
        std::copy_n(row, dimensions_, mean(of[i]));
        continue;
      }
      double squares = 0;
      for (int64_t k = 0; k < dimensions_; ++k)
        squares += (row[k] - mean(of[i])[k]) * (row[k] - mean(of[i])[k]);
      cluster.scatter += squares / cluster.size;
    }
    start_ = std::move(of);
  }

  double betweenMeans(int32_t x, int32_t y) {
    const double *const a = mean(x), *const b = mean(y);
    double sums[8] = {};
    int64_t k = 0;
    for (; k + 8 <= dimensions_; k += 8)
      for (int l = 0; l < 8; ++l) sums[l] += (a[k + l] - b[k + l]) * (a[k + l] - b[k + l]);
    for (; k < dimensions_; ++k) sums[0] += (a[k] - b[k]) * (a[k] - b[k]);
    return std::accumulate(sums, sums + 8, 0.0);
  }

  double distance(int32_t x, int32_t y) {
    const Cluster &a = clusters_[x], &b = clusters_[y];
    return a.known && b.known ? infinite : betweenMeans(x, y) + (a.scatter + b.scatter);
  }

  // No cluster nearer than `distance` to `x` has a larger ||mean - mean||^2 + scatter in fp32. Errors: both
  // means rounded, d + 2 operations on positive numbers, the scatter rounded and added. Twice that for what
  // is left out.
  float limit(int32_t x, double distance) const {
    constexpr double u = 0x1p-24;
    const double exact = std::max(distance - clusters_[x].scatter, 0.0), root = std::sqrt(exact);
    if (distance == 0) return -INFINITY;  // nothing is nearer than that
    const double margin =
        static_cast<double>(dimensions_ + 8) * u * exact + 4 * u * longest_ * (root + u * longest_);
    return std::nextafter(static_cast<float>(exact + 2 * margin), INFINITY);
  }

  void consider(int32_t x, int32_t y) {
    if (x == y) return;
    Cluster& cluster = clusters_[x];
    const double d = distance(x, y);
    if (d < cluster.distance) {
      cluster.second = cluster.distance;
      cluster.distance = d;
      cluster.nearest = y;
    } else if (d < cluster.second) {
      cluster.second = d;
    }
  }

  // For each of `stale` the nearest of `active` below the threshold, the lowest of equally near ones.
  void findNearest(const std::vector<int32_t>& stale, const std::vector<int32_t>& active,
                   const ParallelFor& parallel) {
    PackedRows packed(static_cast<int64_t>(active.size()), dimensions_);
    for (size_t i = 0; i < active.size(); ++i)
      packed.set(static_cast<int64_t>(i), mean(active[i]), static_cast<float>(clusters_[active[i]].scatter));
    const int64_t count = static_cast<int64_t>(stale.size());
    parallel(ceilDivide(count, scanRows), [&](int64_t item, int) {
      const int32_t* const first = stale.data() + item * scanRows;
      const int64_t rows = std::min(scanRows, count - item * scanRows);
      std::vector<float> means(static_cast<size_t>(rows * dimensions_));
      float limits[scanRows];
      for (int64_t i = 0; i < rows; ++i) {
        std::copy_n(mean(first[i]), dimensions_, means.begin() + i * dimensions_);
        Cluster& cluster = clusters_[first[i]];
        cluster.nearest = none;
        cluster.distance = cluster.second = task_.threshold;
        limits[i] = limit(first[i], task_.threshold);
      }
      scan(task_, means.data(), rows, packed, packed.rows, limits, [&](int64_t i, int64_t j, float) {
        consider(first[i], active[static_cast<size_t>(j)]);
        limits[i] = limit(first[i], clusters_[first[i]].second);
      });
    });
    // Rounding may let a joined cluster be nearer than its parts were. Then the other side is told, so that
    // the nearest pair of all always names each other and every round joins something.
    for (const int32_t x : stale) {
      if (clusters_[x].nearest == none) continue;
      Cluster& other = clusters_[clusters_[x].nearest];
      if (std::pair(clusters_[x].distance, x) < std::pair(other.distance, other.nearest)) {
        other.second = std::min(other.second, other.distance);
        other.distance = clusters_[x].distance;
        other.nearest = x;
      }
    }
  }

  // Joins all pairs of each other's nearest and takes those that are no more out of `active`. Returns the
  // clusters whose nearest has to be looked for again.
  template <class Joined>
  std::vector<int32_t> joinReciprocal(std::vector<int32_t>& active, Joined&& joined) {
    std::unordered_map<int32_t, int32_t> into;  // both parts -> the joined cluster
    for (const int32_t a : active) {
      const int32_t b = clusters_[a].nearest;
      if (b < a || clusters_[b].nearest != a) continue;
      join(a, b);
      joined(clusters_[a].lowest, clusters_[b].lowest);
      into.emplace(a, a);
      into.emplace(b, a);
    }
    std::vector<int32_t> stale;
    std::erase_if(active, [&](int32_t x) {
      const auto self = into.find(x);
      return self != into.end() && self->second != x;
    });
    for (const int32_t x : active) {
      if (into.contains(x)) {
        stale.push_back(x);
        continue;
      }
      Cluster& cluster = clusters_[x];
      const auto found = into.find(cluster.nearest);
      if (found == into.end()) continue;
      // Still the nearest where no other can be nearer: the rest has not come nearer meanwhile.
      const double d = distance(x, found->second);
      if (d == cluster.distance || d < cluster.second) {
        cluster.nearest = found->second;
        cluster.distance = d;
      } else {
        stale.push_back(x);
      }
    }
    return stale;
  }

  void join(int32_t x, int32_t y) {
    const double between = betweenMeans(x, y);
    Cluster &a = clusters_[x], &b = clusters_[y];
    const double size = a.size + b.size, ofA = a.size / size, ofB = b.size / size;
    a.scatter = ofA * a.scatter + ofB * b.scatter + ofA * ofB * between;
    for (int64_t k = 0; k < dimensions_; ++k) mean(x)[k] = ofA * mean(x)[k] + ofB * mean(y)[k];
    a.size = size;
    a.known |= b.known;
  }

  const ClusterTask& task_;
  const int64_t dimensions_;
  std::vector<Cluster> clusters_;  // in rising order of their lowest rows
  std::vector<double> means_;      // a row a cluster
  std::vector<int32_t> start_;     // of each row, the cluster it starts in
  double longest_ = 0;             // of all rows
};

// Components of more clusters than this use all threads, one after the other; smaller ones one thread each.
constexpr int64_t kSmallComponent = 2048;

}  // namespace

void clusterAverage(const ClusterTask& task, ThreadPool& pool, int32_t* labels) {
  DisjointSets near = components(task, pool);
  std::vector<std::vector<int32_t>> members(static_cast<size_t>(task.count));
  for (int64_t i = 0; i < task.count; ++i) members[near.find(i)].push_back(static_cast<int32_t>(i));
  std::erase_if(members, [](const auto& rows) { return rows.size() < 2; });

  for (int64_t i = 0; i < task.count; ++i) labels[i] = static_cast<int32_t>(i);
  const auto solve = [&](const std::vector<int32_t>& rows, const ParallelFor& parallel) {
    task.throwIfCancelled();
    DisjointSets sets(static_cast<int64_t>(rows.size()));
    const auto at = [&](int32_t row) {
      return std::lower_bound(rows.begin(), rows.end(), row) - rows.begin();
    };
    const auto joined = [&](int32_t a, int32_t b) { sets.join(at(a), at(b)); };
    Component component(task, rows);
    component.joinEqual(rows, joined);
    component.run(parallel, joined);
    for (size_t i = 0; i < rows.size(); ++i) labels[rows[i]] = rows[sets.find(static_cast<int64_t>(i))];
  };
  const auto large = std::stable_partition(members.begin(), members.end(), [](const auto& rows) {
    return static_cast<int64_t>(rows.size()) <= kSmallComponent;
  });
  pool.run(large - members.begin(), [&](int64_t item, int) {
    solve(members[static_cast<size_t>(item)], [](int64_t items, const auto& work) {
      for (int64_t i = 0; i < items; ++i) work(i, 0);
    });
  });
  for (auto rows = large; rows != members.end(); ++rows)
    solve(*rows, [&](int64_t items, const auto& work) { pool.run(items, work); });
}

}  // namespace facenet::cpu
