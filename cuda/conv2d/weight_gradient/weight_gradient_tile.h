// How the product of a weight gradient is cut into tiles and its pixels into splits: by shapes and count
// alone, never by the device, so that the order of every sum is the same everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "native/core/dtype.h"

namespace facenet::cuda {

// rows x columns sums over `pixels` of all images, GEMM M x N x K, for each group. Rows are the group's output
// channels, columns its terms: taps x the group's input channels, these padded to 16 bytes.
struct GradientProduct {
  int64_t rows = 1, columns = 1, pixels = 1, groups = 1;
  DType dtype = DType::f32;  // f32 or bf16
  bool direct = true;  // x and g are copied 16 bytes at a time; others have kernels for tiles of 64 x 64 only
};

// rows x columns per block, in warps of warpRows x warpColumns, and a pipeline of `stages` of so many pixels.
struct GradientTile {
  int rows, columns, pixels, warpRows, warpColumns, stages;
  int blocks;  // that a multiprocessor's registers hold

  int threads() const { return rows / warpRows * (columns / warpColumns) * 32; }
};

// The tiles that there are kernels for (gradient_tiles.h), the largest first.
const std::vector<GradientTile>& gradientTiles(DType dtype);

// The tile that needs the least time for all sums of the product where all multiprocessors are busy; the
// largest of equals.
GradientTile gradientTile(const GradientProduct& product);

// How many blocks share the pixels of a tile: as many as fill a large device once and have enough pixels
// each, and whose partial sums fit kMaxSplitBytes. Depends neither on `direct` nor on the order of calls,
// and for more pixels it is never less.
int64_t gradientSplits(const GradientProduct& product);
constexpr int64_t kMaxSplitBytes = int64_t{64} << 20;

// Dynamic shared memory of a block.
int64_t sharedBytesOf(const GradientTile& tile, DType dtype);

// "gradient mma bf16 128x128x32, 4 stages, 12 splits"
std::string describe(const GradientProduct& product);

}  // namespace facenet::cuda
