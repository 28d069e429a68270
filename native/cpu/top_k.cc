// The nearest rows on the CPU: the gallery goes by in panels that stay in cache, transposed so that lanes are
// rows; for a few queries at a time a panel's distances are computed, searched and forgotten. A query's list
// is touched by one thread at a time and sees the panels in order, so threads change nothing.
#include "ops/top_k.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/aligned.h"
#include "core/thread_pool.h"
#include "cpu/kernels.h"

namespace facenet::cpu {
namespace {

constexpr int64_t panelRows = 1024;  // a multiple of every vector
constexpr int64_t tileQueries = 8;

class Search {
 public:
  Search(const TopK& task, int32_t* indices, float* distances)
      : task_(task),
        indices_(indices),
        distances_(distances),
        panel_(alignedArray<float>(panelRows * task.dimensions)) {
    std::fill_n(indices, task.count * task.k, -1);
    std::fill_n(distances, task.count * task.k, std::numeric_limits<float>::infinity());
  }

  static int64_t blocks(int64_t rows) { return roundUp(rows, isa().lanes) / isa().lanes; }

  // One vector of rows of the panel that begins at row `first`; the last block is filled up with zeros.
  void pack(int64_t first, int64_t rows, int64_t block) {
    const int64_t lanes = isa().lanes, dimensions = task_.dimensions;
    float* out = panel_.get() + block * lanes * dimensions;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const int64_t row = block * lanes + lane;
      for (int64_t k = 0; k < dimensions; ++k)
        out[k * lanes + lane] = row < rows ? task_.gallery[(first + row) * dimensions + k] : 0;
    }
  }

  // Tries the panel's rows on the lists of one tile of queries. `found` holds tileQueries x panelRows.
  void search(int64_t first, int64_t rows, int64_t tile, float* found) const {
    const int64_t begin = tile * tileQueries, end = std::min(begin + tileQueries, task_.count);
    const int64_t padded = roundUp(rows, isa().lanes);
    isa().minedDistances(task_.queries + begin * task_.dimensions, end - begin, panel_.get(), padded,
                         task_.dimensions, found);
    for (int64_t query = begin; query < end; ++query, found += padded) {
      const float* last = distances_ + (query + 1) * task_.k - 1;
      for (int64_t row = 0; row < rows; ++row)
        if (found[row] < *last) insert(query, found[row], static_cast<int32_t>(first + row));
    }
  }

 private:
  // Earlier rows at this distance stay before it; the last of the list falls out.
  void insert(int64_t query, float distance, int32_t index) const {
    float* distances = distances_ + query * task_.k;
    int32_t* indices = indices_ + query * task_.k;
    int64_t place = task_.k - 1;
    for (; place > 0 && distance < distances[place - 1]; --place) {
      distances[place] = distances[place - 1];
      indices[place] = indices[place - 1];
    }
    distances[place] = distance;
    indices[place] = index;
  }

  const TopK& task_;
  int32_t* indices_;
  float* distances_;
  AlignedArray<float> panel_;
};

}  // namespace

void findNearest(const TopK& task, int32_t* indices, float* distances) {
  Search search(task, indices, distances);
  ThreadPool pool(task.threads);
  std::vector<AlignedArray<float>> scratch;
  for (int i = 0; i < pool.size(); ++i) scratch.push_back(alignedArray<float>(tileQueries * panelRows));
  const int64_t tiles = (task.count + tileQueries - 1) / tileQueries;
  for (int64_t first = 0; first < task.rows && tiles > 0; first += panelRows) {
    task.throwIfCancelled();
    const int64_t rows = std::min(panelRows, task.rows - first);
    pool.run(Search::blocks(rows), [&](int64_t block, int) { search.pack(first, rows, block); });
    pool.run(tiles, [&](int64_t tile, int thread) {
      search.search(first, rows, tile, scratch[static_cast<size_t>(thread)].get());
    });
  }
}

}  // namespace facenet::cpu
