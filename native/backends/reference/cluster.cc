// Agglomerative clustering as its definition reads: a matrix of distances, the nearest pair, one merge at a
// time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "native/backends/reference/backend.h"

namespace facenet {

void checkRowsFinite(const ClusterTask& task) {
  constexpr double longest = 1e36;  // of a squared length: four times as much is still a finite float
  for (int64_t i = 0; i < task.count; ++i) {
    const float* row = task.rows + i * task.dimensions;
    double squares = 0;
    for (int64_t k = 0; k < task.dimensions; ++k) squares += static_cast<double>(row[k]) * row[k];
    if (squares <= longest) continue;
    const bool finite = std::all_of(row, row + task.dimensions, [](float x) { return std::isfinite(x); });
    throw invalidArgument(text("row ", i, " of embeddings"),
                          finite ? "a length of at most 1e18" : "finite numbers",
                          finite ? text(std::sqrt(squares)) : "NaN or infinity");
  }
}

namespace reference {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

double squaredDistance(const float* a, const float* b, int64_t dimensions) {
  double sum = 0;
  for (int64_t k = 0; k < dimensions; ++k) {
    const double difference = static_cast<double>(a[k]) - b[k];
    sum += difference * difference;
  }
  return sum;
}

double linked(Linkage linkage, double a, double sizeA, double b, double sizeB) {
  switch (linkage) {
    case Linkage::single: return std::min(a, b);
    case Linkage::complete: return std::max(a, b);
    default: return (a * sizeA + b * sizeB) / (sizeA + sizeB);
  }
}

// The distances of all pairs of clusters; a cluster is at its lowest row. `active`: the clusters there are.
struct Matrix {
  explicit Matrix(const ClusterTask& task) : n(task.count), distances(static_cast<size_t>(n * n), infinite) {}
  double& at(int64_t i, int64_t j) { return distances[static_cast<size_t>(i * n + j)]; }

  // `b` joins `a`.
  void join(Linkage linkage, int64_t a, int64_t b) {
    for (int64_t c = 0; c < n; ++c) {
      if (!size[c] || c == a || c == b) continue;
      const double distance = linked(linkage, at(a, c), size[a], at(b, c), size[b]);
      at(a, c) = at(c, a) = distance;
    }
    size[a] += size[b];
    size[b] = 0;
  }

  int64_t n;
  std::vector<double> distances;
  std::vector<int64_t> size = std::vector<int64_t>(static_cast<size_t>(n), 1);
};

}  // namespace

void ReferenceBackend::cluster(const ClusterTask& task, int32_t* labels) const {
  checkRowsFinite(task);
  const int64_t n = task.count;
  if (n > 0 && n > task.memoryBytes / static_cast<int64_t>(sizeof(double)) / n)
    throw invalidArgument("embeddings",
                          text("rows whose matrix of distances fits ", task.memoryBytes, " bytes"),
                          text(n, " rows"));
  Matrix matrix(task);
  // Known rows are infinitely far from each other while clusters are as they came, so that only new rows join
  // them.
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = std::max(i + 1, task.known); j < n; ++j)
      matrix.at(i, j) = matrix.at(j, i) =
          squaredDistance(task.rows + i * task.dimensions, task.rows + j * task.dimensions, task.dimensions);
  for (int64_t i = 0; i < n; ++i) labels[i] = static_cast<int32_t>(i);
  const auto join = [&](int64_t a, int64_t b) {
    matrix.join(task.linkage, a, b);
    std::replace(labels, labels + n, static_cast<int32_t>(b), static_cast<int32_t>(a));
  };
  for (int64_t i = 0; i < task.known; ++i)
    if (task.start[i] != i) join(task.start[i], i);

  for (;;) {
    task.throwIfCancelled();
    double nearest = task.threshold;
    int64_t a = -1, b = -1;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = i + 1; j < n; ++j)
        if (matrix.size[i] && matrix.size[j] && matrix.at(i, j) < nearest)
          nearest = matrix.at(i, j), a = i, b = j;
    if (a < 0) return;
    join(a, b);
  }
}

void ReferenceBackend::clusterByDensity(const ClusterTask& task, int32_t* labels) const {
  checkRowsFinite(task);
  const int64_t n = task.count;
  const auto near = [&](int64_t i, int64_t j) {
    const float *a = task.rows + i * task.dimensions, *b = task.rows + j * task.dimensions;
    return i == j || squaredDistance(a, b, task.dimensions) < task.threshold;
  };
  std::vector<char> core(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    task.throwIfCancelled();
    int64_t neighbors = 0;
    for (int64_t j = 0; j < n; ++j) neighbors += near(i, j);
    core[i] = neighbors >= task.minFaces;
    labels[i] = clusterNoise;
  }
  // From the lowest core of a cluster to all that chains of neighbours reach.
  for (int64_t lowest = 0; lowest < n; ++lowest) {
    if (!core[lowest] || labels[lowest] != clusterNoise) continue;
    std::vector<int64_t> open = {lowest};
    labels[lowest] = static_cast<int32_t>(lowest);
    while (!open.empty()) {
      task.throwIfCancelled();
      const int64_t i = open.back();
      open.pop_back();
      for (int64_t j = 0; j < n; ++j) {
        if (!core[j] || labels[j] != clusterNoise || !near(i, j)) continue;
        labels[j] = static_cast<int32_t>(lowest);
        open.push_back(j);
      }
    }
  }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n && !core[i] && labels[i] == clusterNoise; ++j)
      if (core[j] && near(i, j)) labels[i] = labels[j];
}

}  // namespace reference
}  // namespace facenet
