// Exact search on the CPU: a filter says which rows may be among a query's k nearest, by products that cost less than
// distances; the distances of those are computed by the definition, so the filter changes how long it takes and nothing else.
#include <algorithm>
#include <bit>
#include <limits>
#include <utility>
#include <vector>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/search/float_filter.h"
#include "native/backends/cpu/search/int8_filter.h"
#include "native/core/integers.h"
#include "native/core/thread_pool.h"

namespace facenet::cpu {
namespace {

constexpr int64_t kQueriesAtOnce = 1024;  // for which the gallery goes by once
constexpr int64_t kItemBlocks = 32;       // that a thread takes at a time
constexpr int64_t kMinInt8Queries = 32;   // below which rows are rounded for too few
constexpr int64_t kMaxTileRows = 16;
constexpr float infinity = std::numeric_limits<float>::infinity();

using Neighbor = std::pair<float, int32_t>;  // its order is that of the result

// What one thread has found, of rows that it sees in order.
template <class Filter>
class Finder {
 public:
  Finder(const TopK& task, const Queries& queries, Filter filter)
      : task_(task),
        queries_(queries),
        filter_(std::move(filter)),
        exact_(alignedArray<float>(kMaxTileRows * 2 * isa().lanes)),
        found_(queries.count * task.k, {infinity, std::numeric_limits<int32_t>::max()}) {}

  void search(int64_t begin, int64_t end) {
    const int64_t tile = Filter::tileRows(), block = Filter::blockRows();
    for (int64_t first = begin; first < end; first += block) {
      const int64_t rows = std::min(block, end - first);
      filter_.enterBlock(first, rows);
      for (int64_t query = 0; query < queries_.padded(); query += 2 * isa().lanes) {
        filter_.enterQueries(query);
        for (int64_t row = 0; row < rows; row += tile)
          searchTile(query, first, row, std::min(tile, rows - row));
      }
    }
  }

  const Neighbor* found(int64_t query) const { return found_.data() + query * task_.k; }

 private:
  // Rows first + row and on, `count` of them, for the tile of queries that begins at `query`.
  void searchTile(int64_t query, int64_t first, int64_t row, int64_t count) {
    uint32_t hits[kMaxTileRows];
    if (!filter_.reach(query, row, hits)) return;
    int64_t candidates = 0;
    for (int64_t i = 0; i < count; ++i) candidates += std::popcount(hits[i]);
    const float* gallery = task_.gallery + (first + row) * task_.dimensions;
    // Where there are many, all distances of the tile cost less than those one after the other.
    const bool many = candidates > Filter::tileRows();
    const int64_t lanes = queries_.vectors(query) * isa().lanes;
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
    if (limit < infinity) filter_.setLimit(query, limit);
  }

  const TopK& task_;
  const Queries& queries_;
  Filter filter_;
  AlignedArray<float> exact_;
  std::vector<Neighbor> found_;
};

// The best k of all threads for one query.
template <class Filter>
void merge(const std::vector<Finder<Filter>>& finders, int64_t query, int64_t k, int32_t* indices,
           float* distances) {
  std::vector<Neighbor> all;
  for (const auto& finder : finders) all.insert(all.end(), finder.found(query), finder.found(query) + k);
  std::partial_sort(all.begin(), all.begin() + k, all.end());
  for (int64_t i = 0; i < k; ++i) {
    distances[i] = all[i].first;
    indices[i] = all[i].second;
  }
}

// For some of the queries, all rows.
template <class Filter, class PackedQueries>
void searchBy(const TopK& task, const Queries& queries, const std::vector<float>& center, ThreadPool& pool,
              int32_t* indices, float* distances) {
  const PackedQueries packed(task, queries);
  std::vector<Finder<Filter>> finders;
  for (int i = 0; i < pool.size(); ++i)
    finders.emplace_back(task, queries, Filter(task, queries, packed, center));
  // Items are handed out in order, so each thread meets its rows in order.
  const int64_t rows = kItemBlocks * Filter::blockRows();
  pool.run(ceilDivide(task.rows, rows), [&](int64_t item, int thread) {
    task.throwIfCancelled();
    finders[static_cast<size_t>(thread)].search(item * rows, std::min((item + 1) * rows, task.rows));
  });
  for (int64_t query = 0; query < queries.count; ++query) {
    const int64_t at = (queries.first + query) * task.k;
    merge(finders, query, task.k, indices + at, distances + at);
  }
}

}  // namespace

void CpuBackend::findNearest(const TopK& task, int32_t* indices, float* distances) const {
  const auto* const indexed = reinterpret_cast<const float*>(task.index);  // begins with the centre
  const std::vector<float> center = indexed ? std::vector<float>(indexed, indexed + task.dimensions)
                                            : centerOf(task.gallery, task.rows, task.dimensions);
  const int64_t items = ceilDivide(task.rows, kItemBlocks * FloatFilter::blockRows());
  ThreadPool pool(static_cast<int>(std::min<int64_t>(task.threads, items)));
  const bool int8 =
      indexBytes(task.rows, task.dimensions) > 0 && (task.index || task.count >= kMinInt8Queries);
  for (int64_t first = 0; first < task.count; first += kQueriesAtOnce) {
    const Queries queries(task, first, std::min(kQueriesAtOnce, task.count - first), center);
    if (int8)
      searchBy<Int8Filter, Int8Queries>(task, queries, center, pool, indices, distances);
    else
      searchBy<FloatFilter, FloatQueries>(task, queries, center, pool, indices, distances);
  }
}

}  // namespace facenet::cpu
