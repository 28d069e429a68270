// Distances of anchors to all rows of a batch, which a warp looks through an anchor at a time.
#pragma once

#include "cuda/triplet_pairs.cuh"

namespace facenet::cuda {

// An anchor's distances to `count` rows from `first`, and the rows' positions, in shared memory. All lanes of a warp
// have the same.
struct ColumnsOfTile {
  float* distances;
  const int32_t* positions;
  int64_t first;
  int count;

  __device__ __forceinline__ bool isNegative(const PairsOf& pairs, int column) const {
    const int position = positions[column];
    return position < pairs.begin || position >= pairs.end;
  }

  // use(row, distance) of this lane's share of them.
  template <class Use>
  __device__ __forceinline__ void forNegatives(const PairsOf& pairs, Use use) const {
    for (int column = laneOf(); column < count; column += kWarpSize) {
      const float distance = distances[column];
      if (isNegative(pairs, column)) use(static_cast<int>(first) + column, distance);
    }
  }
};

// For a block: 16 * Rows anchors. `memory` is shared and has kSharedBytes.
template <int Rows, int Bytes>
class DistanceRows {
  using Tile = DistanceTile<Rows, Bytes>;

 public:
  // A warp has two anchors' distances at once, so far apart that both are written without conflicts.
  static constexpr int kStride = kTileColumns + 16;
  static constexpr int kRows = Tile::kRows;
  static constexpr size_t kStagedBytes = size_t{kTileThreads / kWarpSize} * 2 * kStride * sizeof(float);
  static constexpr size_t kPositionsBytes = 2 * kTileColumns * sizeof(int32_t);  // of two tiles
  static constexpr size_t kSharedBytes =
      Tile::kSharedBytes + kStagedBytes + kPositionsBytes + kRows * sizeof(PairsOf);

  __device__ __forceinline__ explicit DistanceRows(char* memory)
      : tile_(reinterpret_cast<float*>(memory)),
        staged_(reinterpret_cast<float*>(memory + Tile::kSharedBytes) + warpOf() * 2 * kStride),
        positions_(reinterpret_cast<int32_t*>(memory + Tile::kSharedBytes + kStagedBytes)),
        pairs_(reinterpret_cast<PairsOf*>(memory + Tile::kSharedBytes + kStagedBytes + kPositionsBytes)) {}

  // visit(pairs, columns) of the anchors from position `first` and the rows [begin, end), 128 of them at a time and
  // ascending. Always by the same warp for an anchor. The whole block calls it, and after each tile calls
  // `finish(first column, columns)`.
  template <class Visit, class Finish>
  __device__ __forceinline__ void forEach(const Anchors& anchors, int64_t first, int64_t begin, int64_t end,
                                          Visit visit, Finish finish) {
    const OrderedRows rows{anchors.x, anchors.n, anchors.groups.rows};
    const RowsView all{anchors.x, anchors.n};
    const int64_t last = anchors.first + anchors.count;
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < kRows && first + thread < last) pairs_[thread] = PairsOf(anchors, first + thread);
    int32_t* positions = positions_;
    for (int64_t column = begin; column < end; column += kTileColumns) {
      const int count = static_cast<int>(min(end - column, int64_t{kTileColumns}));
      positions = positions == positions_ ? positions_ + kTileColumns
                                          : positions_;  // others still read the last ones
      if (thread < count) positions[thread] = anchors.groups.positions[column + thread];
      tile_.compute(rows, first, all, column, anchors.dimensions);
#pragma unroll
      for (int i = 0; i < Rows; ++i) {
        const int row = 2 * warpOf() + 16 * i;
        if (first + row >= last) break;
        float* own = staged_ + laneOf() / 16 * kStride;
#pragma unroll
        for (int j = 0; j < Tile::kColumnsPerThread; ++j) own[Tile::column(j)] = tile_.sums[i][j];
        __syncwarp();
        for (int half = 0; half < 2 && first + row + half < last; ++half)
          visit(pairs_[row + half], ColumnsOfTile{staged_ + half * kStride, positions, column, count});
        __syncwarp();
      }
      finish(column, count);
    }
  }
  template <class Visit>
  __device__ __forceinline__ void forEach(const Anchors& anchors, int64_t first, int64_t begin, int64_t end,
                                          Visit visit) {
    forEach(anchors, first, begin, end, visit, [](int64_t, int) {});
  }

  // What the visits of a tile have left in their distances, kStride floats an anchor.
  static __device__ __forceinline__ const float* distancesIn(const char* memory) {
    static_assert(Rows == 1);
    return reinterpret_cast<const float*>(memory + Tile::kSharedBytes);
  }

 private:
  Tile tile_;
  float* staged_;
  int32_t* positions_;
  PairsOf* pairs_;
};

}  // namespace facenet::cuda
