#include <algorithm>

#include "cuda/distance_tile.cuh"
#include "cuda/pairwise_distance.cuh"

namespace facenet::cuda {
namespace {

constexpr int kBlocksPerSm = 2;  // leaves 128 registers per thread
// Rows of a thread: 48 sums, which with what is read of the slabs at once fit in the registers.
constexpr int kManyRows = 6;
// Up to so many rows of a take tiles of one row per thread: others would be mostly empty.
constexpr int64_t kFewRows = 32;

// Registers: at most 120.
template <int Rows, int Bytes>
__global__ void __launch_bounds__(kTileThreads, kBlocksPerSm)
    pairwiseKernel(RowsView a, RowsView b, int dimensions, float* out) {
  using Tile = DistanceTile<Rows, Bytes>;
  Tile tile(reinterpret_cast<float*>(dynamicShared()));
  const int64_t aFirst = int64_t{blockIdx.y} * Tile::kRows, bFirst = int64_t{blockIdx.x} * kTileColumns;
  tile.compute(a, aFirst, b, bFirst, dimensions);
  const auto rows = static_cast<int>(min(a.count - aFirst, int64_t{Tile::kRows}));
  const auto columns = static_cast<int>(min(b.count - bFirst, int64_t{kTileColumns}));
  float* to = out + (aFirst + Tile::row(0)) * b.count + bFirst + Tile::column(0);
#pragma unroll
  for (int i = 0; i < Rows; ++i, to += 16 * b.count)
#pragma unroll
    for (int j = 0; j < Tile::kColumnsPerThread; ++j)
      if (Tile::row(i) < rows && Tile::column(j) < columns) to[16 * j] = tile.sums[i][j];
}

template <int Rows, int Bytes>
void launchOn(const RowsView& a, const RowsView& b, int dimensions, float* out, cudaStream_t stream) {
  using Tile = DistanceTile<Rows, Bytes>;
  const int64_t columns = ceilDivide(b.count, kTileColumns);
  const int64_t rows = ceilDivide(a.count, Tile::kRows);
  FACENET_ASSERT(columns < (int64_t{1} << 31) && rows <= 65535);
  launch<pairwiseKernel<Rows, Bytes>>(dim3(static_cast<unsigned>(columns), static_cast<unsigned>(rows)),
                                      kTileThreads, Tile::kSharedBytes, stream, a, b, dimensions, out);
}

}  // namespace

void pairwiseDistances(const float* a, int64_t n, const float* b, int64_t m, int64_t dimensions, float* out,
                       cudaStream_t stream) {
  FACENET_ASSERT(n >= 0 && m >= 0 && dimensions > 0 && dimensions < (int64_t{1} << 30));
  if (n == 0 || m == 0) return;
  const RowsView left{a, n}, right{b, m};
  const auto width = static_cast<int>(dimensions);
  const bool few = n <= kFewRows;
  if (rowsPack(a, dimensions) && rowsPack(b, dimensions))
    few ? launchOn<1, 16>(left, right, width, out, stream)
        : launchOn<kManyRows, 16>(left, right, width, out, stream);
  else
    few ? launchOn<1, 4>(left, right, width, out, stream)
        : launchOn<kManyRows, 4>(left, right, width, out, stream);
}

}  // namespace facenet::cuda
