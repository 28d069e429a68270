// The tiles of conv2dF32's kernels.
#pragma once

#include "cuda/conv2d/common/conv2d.cuh"
#include "cuda/conv2d/common/tile_list.h"

namespace facenet::cuda {

// A warp's lanes stand 8 down the pixels and 4 across the columns of its tile. Each holds the sums of warpRows / 8
// pixels and eight neighbouring columns.
constexpr int kF32LaneRows = 8, kF32LaneColumns = 4;
// Terms of a 16-byte chunk, the unit of copies and of reads from shared memory, and chunks of a row in a stage.
constexpr int kF32ChunkTerms = 4, kF32Chunks = 4;

// A tile and how much of the multiply-add rate it is expected to reach.
struct F32Shape {
  ConvTile tile;
  double rate;
};

// Registers is the budget of a thread; the block count that a multiprocessor then holds is what the compiler is told.
// Percent: of the multiply-add rate, from the reads of shared memory per multiply-add, (rows + columns) / (rows *
// columns) of a thread. Not measured.
template <int Rows, int Columns, int WarpRows, int WarpColumns, int Stages, int Registers, int Percent>
struct F32Tile {
  static constexpr int kRows = Rows, kColumns = Columns, kTerms = kF32ChunkTerms * kF32Chunks,
                       kStages = Stages;
  static constexpr int kWarpRows = WarpRows, kWarpColumns = WarpColumns;
  static constexpr int kWarpsAcross = Columns / WarpColumns;
  static constexpr int kThreads = Rows / WarpRows * kWarpsAcross * 32;
  static constexpr int kThreadRows = WarpRows / kF32LaneRows, kThreadColumns = WarpColumns / kF32LaneColumns;
  // More chunks at a time would not fit the budget of 8 x 8 sums.
  static constexpr int kUnrolledChunks = kThreadRows * kThreadColumns < 64 ? kF32Chunks : 1;
  static constexpr int kRowsPerPass = kThreads / kF32Chunks;  // that all threads copy together
  static constexpr int kStageFloats = (Rows + Columns) * kTerms;
  static constexpr int kSharedBytes = Stages * kStageFloats * static_cast<int>(sizeof(float));
  static constexpr int kBlocks = 65536 / (kThreads * Registers);
  static constexpr F32Shape kTile{{Rows, Columns, kTerms, WarpRows, WarpColumns, Stages}, Percent / 100.0};
  static_assert(Rows % kRowsPerPass == 0 && Columns % kRowsPerPass == 0 && kThreadColumns == 8);
  static_assert(kSharedBytes <= 48 * 1024, "a launch gets this much without asking");
};

using F32Tiles = TileList<F32Tile<128, 128, 64, 32, 3, 128, 100>, F32Tile<128, 64, 64, 32, 3, 168, 98>,
                          F32Tile<64, 64, 32, 32, 4, 128, 80>, F32Tile<128, 32, 32, 32, 4, 128, 78>,
                          F32Tile<64, 32, 16, 32, 4, 96, 60>, F32Tile<32, 32, 16, 32, 4, 96, 50>>;

}  // namespace facenet::cuda
