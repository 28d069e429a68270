// The tiles of conv2dMma's kernels.
#pragma once

#include "cuda/conv2d/common/tile.h"
#include "cuda/conv2d/common/tile_list.h"

namespace facenet::cuda {

// kBlocks per multiprocessor leave 65536 / (kBlocks * kThreads) registers per thread, which is the budget. kTerms are
// the same in all tiles, so that the splits of a product are.
template <int Rows, int Columns, int WarpRows, int WarpColumns, int Blocks>
struct MmaTile {
  static constexpr int kRows = Rows, kColumns = Columns, kTerms = kStepTerms;
  static constexpr int kWarpRows = WarpRows, kWarpColumns = WarpColumns;
  static constexpr int kStages = 4, kBlocks = Blocks;
  static constexpr int kWarps = Rows / WarpRows * (Columns / WarpColumns);
  static constexpr int kThreads = kWarps * 32;
  // mma.sync instructions of a warp, 16 x 8 sums each.
  static constexpr int kRowMmas = WarpRows / 16, kColumnMmas = WarpColumns / 8;
  static constexpr int kPixelBytes = Rows * kTerms * 2;
  static constexpr int kStageBytes = kPixelBytes + Columns * kTerms * 2;
  static constexpr int kSharedBytes = kStages * kStageBytes;
  static constexpr MmaShape kTile{{Rows, Columns, kTerms, WarpRows, WarpColumns, kStages}, Blocks};
  static_assert(WarpRows % 16 == 0 && WarpColumns % 32 == 0 && kStages >= 3);
};

// Inputs that are not copied 16 bytes at a time have kernels for this one only.
using SquareMmaTile = MmaTile<64, 64, 32, 32, 4>;

// Warps of 64 x 64 read the least shared memory per mma and pay for it with registers. 96 columns fit the networks'
// many widths of 96, 192 and 288. Few pixels, those of fully connected layers and of single small images, get tiles of
// few rows.
using MmaTiles = TileList<MmaTile<128, 128, 64, 64, 2>, MmaTile<128, 96, 32, 96, 2>,
                          MmaTile<128, 64, 64, 32, 3>, MmaTile<128, 32, 32, 32, 4>, SquareMmaTile,
                          MmaTile<32, 64, 16, 32, 5>, MmaTile<16, 128, 16, 32, 5>>;

}  // namespace facenet::cuda
