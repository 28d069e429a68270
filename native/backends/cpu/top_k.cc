// Exact search on the CPU: dot products say which rows cannot be among a query's k nearest; the distances of
// the others are computed by the definition, so the filter changes how long it takes and nothing else.
//
// With c a centre, q' = q - c and g' = g - c, as rounded, and S = |q'|^2 + |g'|^2, the squared distance is
// S - 2 q' * g', and the row is left out where
//     S - 2 q' * g' - slack * S >= limit,
// limit being the query's k-th distance so far, which a later row must be below. With u = 2^-24, let
// e = n u / (1 - n u), n = 2 d + 8: no sum below is of more than n roundings, fused or not, and so none is
// wrong by more than e times its absolute terms. Errors of the left side are at most
//     4.2 u S   for the distance of the rounded q' and g' instead of |q - g|^2
//     2.1 e S   for |q - g|^2, which is at most 2.1 S, instead of the chain that defines the distance
//     2.0 e S   for twice the dot product, whose sum begins with the row's part of S
//     1.0 e S   for S itself.
// As e is at least 6 u, slack = 8 e is more than their sum. Underflow adds less than `tiny`.
//
// The centre takes away what rows have in common, for without it S, and so the slack, may be large beside the
// distances. Any centre is right.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"
#include "native/core/integers.h"
#include "native/core/thread_pool.h"

namespace facenet::cpu {
namespace {

constexpr int64_t kQueriesAtOnce = 1024;  // for which the gallery goes by once
constexpr int64_t kBlockTiles = 4;        // of rows that stay in cache while all queries pass
constexpr int64_t kItemRows = 4096;       // that a thread takes at a time
constexpr int64_t kMaxTallRows = 16;
constexpr double tiny = 1e-36;
constexpr float infinity = std::numeric_limits<float>::infinity();

using Neighbor = std::pair<float, int32_t>;  // its order is that of the result

double slackOf(int64_t dimensions) {
  const double nu = static_cast<double>(2 * dimensions + 8) * 0x1p-24;
  return 8 * nu / (1 - nu);
}

// The mean of some rows spread over the gallery.
std::vector<float> centerOf(const TopK& task) {
  const int64_t samples = std::min<int64_t>(task.rows, 256);
  std::vector<double> sums(task.dimensions);
  for (int64_t i = 0; i < samples; ++i) {
    const float* row = task.gallery + task.rows / samples * i * task.dimensions;
    for (int64_t k = 0; k < task.dimensions; ++k) sums[k] += row[k];
  }
  std::vector<float> center(task.dimensions);
  for (int64_t k = 0; k < task.dimensions; ++k)
    center[k] = static_cast<float>(sums[k] / static_cast<double>(samples));
  return center;
}

// Some of the queries, as the kernels read them: lanes are queries, and what fills up the last vector is zeros.
class Queries {
 public:
  Queries(const TopK& task, int64_t first, int64_t count, const std::vector<float>& center)
      : first(first), count(count), dimensions_(task.dimensions), padded_(roundUp(count, isa().lanes)) {
    const int64_t lanes = isa().lanes;
    centered_ = alignedArray<float>(padded_ * dimensions_);
    plain_ = alignedArray<float>(padded_ * dimensions_);
    squares.assign(padded_, 0);
    for (int64_t query = 0; query < padded_; ++query) {
      const int64_t vector = query / lanes, lane = query % lanes, tile = vector / 2 * 2;
      const int64_t width = vectors(tile * lanes);
      float* centered = centered_.get() + (tile * dimensions_ + vector - tile) * lanes + lane;
      float* plain = plain_.get() + vector * dimensions_ * lanes + lane;
      for (int64_t k = 0; k < dimensions_; ++k) {
        const float x = query < count ? task.queries[(first + query) * dimensions_ + k] : 0;
        const float moved = query < count ? x - center[k] : 0;
        plain[k * lanes] = x;
        centered[k * width * lanes] = moved;
        squares[query] += static_cast<double>(moved) * moved;
      }
    }
  }

  int64_t padded() const { return padded_; }
  // Vectors of the tile that begins at query `begin`.
  int64_t vectors(int64_t begin) const { return padded_ - begin > isa().lanes ? 2 : 1; }
  const float* centered(int64_t begin) const { return centered_.get() + begin * dimensions_; }
  const float* plain(int64_t begin) const { return plain_.get() + begin * dimensions_; }

  const int64_t first, count;
  std::vector<double> squares;  // of their centred lengths

 private:
  const int64_t dimensions_, padded_;
  AlignedArray<float> centered_, plain_;
};

// What one thread has found, of rows that it sees in order.
class Finder {
 public:
  Finder(const TopK& task, const Queries& queries, const std::vector<float>& center)
      : task_(task),
        queries_(queries),
        center_(center),
        slack_(slackOf(task.dimensions)),
        rows_(alignedArray<float>(kBlockTiles * isa().tallRows * task.dimensions)),
        exact_(alignedArray<float>(isa().tallRows * 2 * isa().lanes)),
        offsets_(kBlockTiles * isa().tallRows),
        limits_(queries.padded(), infinity),
        found_(queries.count * task.k, {infinity, std::numeric_limits<int32_t>::max()}) {
    for (int64_t query = 0; query < queries.count; ++query) limits_[query] = -infinity;
    std::fill_n(rows_.get(), kBlockTiles * isa().tallRows * task.dimensions, 0.0f);
  }

  void search(int64_t begin, int64_t end) {
    const int64_t tile = isa().tallRows, block = kBlockTiles * tile;
    const float factor = static_cast<float>((slack_ - 1) / 2);
    for (int64_t first = begin; first < end; first += block) {
      const int64_t rows = std::min(block, end - first);
      isa().centerRows(task_.gallery + first * task_.dimensions, rows, task_.dimensions, center_.data(),
                       factor, rows_.get(), offsets_.data());
      for (int64_t query = 0; query < queries_.padded(); query += 2 * isa().lanes)
        for (int64_t row = 0; row < rows; row += tile)
          searchTile(query, first, row, std::min(tile, rows - row));
    }
  }

  const Neighbor* found(int64_t query) const { return found_.data() + query * task_.k; }

 private:
  // Rows first + row and on, `count` of them, for the tile of queries that begins at `query`.
  void searchTile(int64_t query, int64_t first, int64_t row, int64_t count) {
    const int64_t vectors = queries_.vectors(query);
    uint32_t hits[kMaxTallRows];
    if (!isa().rowsInReach(rows_.get() + row * task_.dimensions, task_.dimensions, queries_.centered(query),
                           vectors, offsets_.data() + row, limits_.data() + query, hits))
      return;
    int64_t candidates = 0;
    for (int64_t i = 0; i < count; ++i) candidates += std::popcount(hits[i]);
    const float* gallery = task_.gallery + (first + row) * task_.dimensions;
    // Where there are many, all distances of the tile cost less than those one after the other.
    const bool many = candidates > isa().tallRows;
    const int64_t lanes = vectors * isa().lanes;
    if (many)
      isa().minedDistances(gallery, count, queries_.plain(query), lanes, task_.dimensions, exact_.get());
    for (int64_t i = 0; i < count; ++i)
      for (uint32_t left = hits[i]; left; left &= left - 1) {
        const int lane = std::countr_zero(left);
        const float distance =
            many ? exact_[i * lanes + lane]
                 : isa().chainedDistance(task_.queries + (queries_.first + query + lane) * task_.dimensions,
                                         gallery + i * task_.dimensions, task_.dimensions);
        insert(query + lane, {distance, static_cast<int32_t>(first + row + i)});
      }
  }

  void insert(int64_t query, Neighbor candidate) {
    Neighbor* list = found_.data() + query * task_.k;
    int64_t slot = task_.k - 1;
    if (!(candidate < list[slot])) return;
    for (; slot > 0 && candidate < list[slot - 1]; --slot) list[slot] = list[slot - 1];
    list[slot] = candidate;
    const float limit = list[task_.k - 1].first;
    if (limit < infinity) limits_[query] = limitOf(queries_.squares[query], limit);
  }

  // What the dot product, with the row's part of S taken away, must be above.
  float limitOf(double square, double limit) const {
    const double exact = (square * (1 - slack_) - limit) / 2 - tiny;
    return std::nextafter(static_cast<float>(exact), -infinity);
  }

  const TopK& task_;
  const Queries& queries_;
  const std::vector<float>& center_;
  const double slack_;
  AlignedArray<float> rows_, exact_;
  std::vector<float> offsets_, limits_;
  std::vector<Neighbor> found_;
};

// The best k of all threads for one query.
void merge(const std::vector<Finder>& finders, int64_t query, int64_t k, int32_t* indices, float* distances) {
  std::vector<Neighbor> all;
  for (const Finder& finder : finders) all.insert(all.end(), finder.found(query), finder.found(query) + k);
  std::partial_sort(all.begin(), all.begin() + k, all.end());
  for (int64_t i = 0; i < k; ++i) {
    distances[i] = all[i].first;
    indices[i] = all[i].second;
  }
}

}  // namespace

void CpuBackend::findNearest(const TopK& task, int32_t* indices, float* distances) const {
  const int64_t items = ceilDivide(task.rows, kItemRows);
  ThreadPool pool(static_cast<int>(std::min<int64_t>(task.threads, items)));
  const std::vector<float> center = centerOf(task);
  for (int64_t first = 0; first < task.count; first += kQueriesAtOnce) {
    const Queries queries(task, first, std::min(kQueriesAtOnce, task.count - first), center);
    std::vector<Finder> finders;
    for (int i = 0; i < pool.size(); ++i) finders.emplace_back(task, queries, center);
    // Items are handed out in order, so each thread meets its rows in order.
    pool.run(items, [&](int64_t item, int thread) {
      task.throwIfCancelled();
      finders[static_cast<size_t>(thread)].search(item * kItemRows,
                                                  std::min((item + 1) * kItemRows, task.rows));
    });
    for (int64_t query = 0; query < queries.count; ++query) {
      const int64_t at = (first + query) * task.k;
      merge(finders, query, task.k, indices + at, distances + at);
    }
  }
}

}  // namespace facenet::cpu
