// Distances of many rows to many rows, of which only the small ones are looked at.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"
#include "native/core/integers.h"
#include "native/core/thread_pool.h"
#include "native/ops/cluster.h"

namespace facenet::cpu {

// Rows by blocks of one vector, transposed, as the kernels read them; the last block is filled up with zeros.
struct PackedRows {
  PackedRows(int64_t rows, int64_t dimensions)
      : rows(rows),
        dimensions(dimensions),
        data(alignedArray<float>(roundUp(rows, isa().lanes) * dimensions)),
        offsets(static_cast<size_t>(roundUp(rows, isa().lanes)), 0.0f) {
    const int64_t lanes = isa().lanes, last = rows / lanes * lanes;
    if (last < rows) std::fill_n(data.get() + last * dimensions, lanes * dimensions, 0.0f);
  }

  template <class T>
  void set(int64_t row, const T* values, float offset = 0) {
    const int64_t lanes = isa().lanes;
    float* to = data.get() + row / lanes * lanes * dimensions + row % lanes;
    for (int64_t k = 0; k < dimensions; ++k) to[k * lanes] = static_cast<float>(values[k]);
    offsets[static_cast<size_t>(row)] = offset;
  }

  int64_t rows, dimensions;
  AlignedArray<float> data;
  std::vector<float> offsets;  // added to the distances to each row
};

// Rows that are scanned together, and columns that stay in the second-level cache meanwhile.
constexpr int64_t scanRows = 256, scanColumns = 512;

// Calls hit(i, j, value) where value = ||a[i] - b[j]||^2 + offset[j] < limits[i], j < columns, in rising
// order of j for each i. A hit may lower limits[i].
template <class Hit>
void scan(const ClusterTask& task, const float* a, int64_t rows, const PackedRows& b, int64_t columns,
          float* limits, Hit&& hit) {
  const int64_t lanes = isa().lanes, dimensions = b.dimensions;
  float values[8 * 16];
  for (int64_t chunk = 0; chunk < columns; chunk += scanColumns) {
    task.throwIfCancelled();
    const int64_t end = std::min(chunk + scanColumns, columns);
    for (int64_t j = chunk; j < end; j += lanes) {
      const float* block = b.data.get() + j * dimensions;
      const int64_t width = std::min(lanes, end - j);
      for (int64_t i = 0; i < rows; i += 8) {
        const int64_t height = std::min<int64_t>(8, rows - i);
        if (!isa().distancesBelow(a + i * dimensions, height, block, dimensions, b.offsets.data() + j,
                                  limits + i, values))
          continue;
        for (int64_t r = 0; r < height; ++r)
          for (int64_t l = 0; l < width; ++l)
            if (values[r * lanes + l] < limits[i + r]) hit(i + r, j + l, values[r * lanes + l]);
      }
    }
  }
}

// Calls hit(thread, i, j, squared distance) for the pairs j < i of rows nearer than the threshold of which i
// is new, in rising order of j for each i, all pairs of one i on one thread.
template <class Hit>
void pairsBelow(const ClusterTask& task, ThreadPool& pool, Hit&& hit) {
  PackedRows packed(task.count, task.dimensions);
  for (int64_t i = 0; i < task.count; ++i) packed.set(i, task.rows + i * task.dimensions);
  // The least float that is not below the threshold: what is below one is below the other.
  float limit = static_cast<float>(task.threshold);
  if (limit < task.threshold) limit = std::nextafter(limit, INFINITY);

  const int64_t fresh = task.count - task.known, items = ceilDivide(fresh, scanRows);
  pool.run(items, [&](int64_t item, int thread) {
    // The longest items first, so that threads end together.
    const int64_t first = task.known + (items - 1 - item) * scanRows;
    const int64_t rows = std::min(scanRows, task.count - first);
    float limits[scanRows];
    std::fill_n(limits, rows, limit);
    scan(task, task.rows + first * task.dimensions, rows, packed, first + rows, limits,
         [&](int64_t i, int64_t j, float distance) {
           if (j < first + i) hit(thread, first + i, j, distance);
         });
  });
}

// Sets of rows, each called by its lowest.
class DisjointSets {
 public:
  explicit DisjointSets(int64_t n) : parent_(static_cast<size_t>(n)) {
    for (int64_t i = 0; i < n; ++i) parent_[static_cast<size_t>(i)] = static_cast<int32_t>(i);
  }
  int32_t find(int64_t i) {
    int32_t x = static_cast<int32_t>(i);
    while (parent_[x] != x) x = parent_[x] = parent_[parent_[x]];
    return x;
  }
  void join(int64_t i, int64_t j) {
    const int32_t a = find(i), b = find(j);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<int32_t> parent_;
};

// What chains of rows nearer than the threshold connect, known clusters included.
DisjointSets components(const ClusterTask& task, ThreadPool& pool);

void clusterAverage(const ClusterTask& task, ThreadPool& pool, int32_t* labels);
void clusterComplete(const ClusterTask& task, ThreadPool& pool, int32_t* labels);

}  // namespace facenet::cpu
