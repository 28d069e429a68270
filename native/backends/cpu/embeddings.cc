// What is computed on finished embeddings, outside any graph.

#include <algorithm>
#include <cmath>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"
#include "native/core/cancel.h"
#include "native/core/integers.h"
#include "native/core/thread_pool.h"

namespace facenet::cpu {
namespace {

constexpr int64_t kTileRows = 64, kTileColumns = 64;  // of distances, which stay in the first cache

// Distances of rows [i, i + rows) to rows [from, to), which lie behind them, the other way round.
void mirror(float* distances, int64_t m, int64_t i, int64_t rows, int64_t from, int64_t to) {
  for (int64_t j = from; j < to; ++j)
    for (int64_t row = i; row < i + rows; ++row) distances[j * m + row] = distances[row * m + j];
}

}  // namespace

void CpuBackend::l2Normalize(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out,
                             const std::atomic<int32_t>* cancel) const {
  for (int64_t r = 0; r < rows; ++r, x += dimensions, out += dimensions) {
    throwIfCancelled(cancel);
    double sum = 0;
    for (int64_t k = 0; k < dimensions; ++k) sum += static_cast<double>(x[k]) * x[k];
    const double norm = std::max(std::sqrt(sum), static_cast<double>(epsilon));
    for (int64_t k = 0; k < dimensions; ++k) out[k] = static_cast<float>(x[k] / norm);
  }
}

// In tiles of rows of a by rows of b, which are shared among threads. Between rows and themselves half of the tiles are
// computed: distances are the same both ways, bit for bit.
void CpuBackend::pairwiseDistances(const DistanceTask& task, float* out) const {
  const auto [a, n, b, m, dimensions, threads, cancel] = task;
  // b by blocks of one vector of rows, transposed, so that lanes are rows; the last block is filled up with
  // zeros.
  const int64_t lanes = isa().lanes, padded = roundUp(m, lanes);
  const AlignedArray<float> packed = alignedArray<float>(padded * dimensions);
  const int64_t down = ceilDivide(n, kTileRows), across = ceilDivide(m, kTileColumns);
  ThreadPool pool(static_cast<int>(std::min<int64_t>(threads, down)));
  pool.run(ceilDivide(padded, kTileColumns), [&, m = m, b = b, dimensions = dimensions](int64_t item, int) {
    for (int64_t j = item * kTileColumns; j < std::min((item + 1) * kTileColumns, padded); ++j)
      for (int64_t k = 0; k < dimensions; ++k)
        packed[static_cast<size_t>((j / lanes * dimensions + k) * lanes + j % lanes)] =
            j < m ? b[j * dimensions + k] : 0;
  });
  const bool mirrored = a == b;
  pool.run(down, [&, a = a, n = n, m = m, dimensions = dimensions, cancel = cancel](int64_t item, int) {
    const int64_t i = item * kTileRows, rows = std::min(kTileRows, n - i);
    for (int64_t tile = mirrored ? i / kTileColumns : 0; tile < across; ++tile) {
      throwIfCancelled(cancel);
      const int64_t j = tile * kTileColumns, columns = std::min(kTileColumns, m - j);
      isa().pairwise(a + i * dimensions, rows, packed.get() + j * dimensions, columns, dimensions,
                     out + i * m + j, m);
      if (mirrored) mirror(out, m, i, rows, std::max(j, i + rows), j + columns);
    }
  });
}

}  // namespace facenet::cpu
