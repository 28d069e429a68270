// The tiles of weightGradient's kernels: rows are output channels (GEMM M), columns terms (N), and they add up over
// pixels (K).
#pragma once

#include "cuda/conv2d/common/tile_list.h"
#include "cuda/conv2d/weight_gradient/weight_gradient_tile.h"

namespace facenet::cuda {

template <int Rows, int Columns, int WarpRows, int WarpColumns, int Blocks>
struct MmaGradientTile {
  static constexpr int kRows = Rows, kColumns = Columns, kPixels = 32, kStages = 4;
  static constexpr int kWarpRows = WarpRows, kWarpColumns = WarpColumns, kBlocks = Blocks;
  static constexpr GradientTile kTile{Rows, Columns, kPixels, WarpRows, WarpColumns, kStages, Blocks};
};
using SquareMmaGradientTile = MmaGradientTile<64, 64, 32, 32, 4>;

// 96 rows fit the networks' many layers of 96 and 192 channels; few rows are those of the reductions before larger
// windows, few columns those of 1x1 convolutions of few channels.
using MmaGradientTiles = TileList<MmaGradientTile<128, 128, 64, 64, 2>, MmaGradientTile<96, 128, 96, 32, 2>,
                                  MmaGradientTile<64, 128, 32, 64, 3>, MmaGradientTile<128, 64, 64, 32, 3>,
                                  MmaGradientTile<32, 128, 32, 32, 4>, SquareMmaGradientTile>;

// Warps have 32 x 64 sums.
template <int Rows, int Columns, int Stages, int Blocks>
struct F32GradientTile {
  static constexpr int kRows = Rows, kColumns = Columns, kPixels = 16, kStages = Stages;
  static constexpr int kWarpRows = 32, kWarpColumns = 64, kBlocks = Blocks;
  static constexpr GradientTile kTile{Rows, Columns, kPixels, kWarpRows, kWarpColumns, Stages, Blocks};
};
using SquareF32GradientTile = F32GradientTile<64, 64, 4, 6>;
using F32GradientTiles = TileList<F32GradientTile<128, 128, 3, 2>, F32GradientTile<64, 128, 3, 4>,
                                  SquareF32GradientTile, F32GradientTile<32, 64, 4, 8>>;

}  // namespace facenet::cuda
