// The kernels of weightGradient, one source file per arithmetic.
#pragma once

#include "cuda/conv2d/weight_gradient/weight_gradient_copy.cuh"
#include "cuda/conv2d/weight_gradient/weight_gradient_tile.h"

namespace facenet::cuda {

// How x and g are read.
struct GradientSource {
  DType x, g;
  bool aligned;  // both 16 bytes at a time
};

void launchGradientMma(const GradientArguments& a, const GradientTile& tile, const GradientSource& source,
                       int splits, int groups, cudaStream_t stream);
void launchGradientF32(const GradientArguments& a, const GradientTile& tile, const GradientSource& source,
                       int splits, int groups, cudaStream_t stream);

inline dim3 gradientGrid(const GradientArguments& a, int splits, int groups) {
  return {static_cast<unsigned>(a.rowTiles) * static_cast<unsigned>(a.columnTiles),
          static_cast<unsigned>(splits), static_cast<unsigned>(groups)};
}

// The sums of a warp, a run of neighbouring columns at a time, to where they go.
template <class Block, class Sums>
__device__ __forceinline__ void storeSums(const GradientArguments& a, const Block& block, Sums& product) {
  const int64_t firstRow = int64_t{block.group} * a.rows;
  if (a.sums.adds)
    product.forEachRun([&](int row, int column, auto& sums) {
      if (block.row + row < a.rows) a.sums.addHeld(firstRow + block.row + row, block.column + column, sums);
    });
  product.forEachRun([&](int row, int column, auto& sums) {
    if (block.row + row < a.rows)
      a.sums.store(block.split, firstRow + block.row + row, block.column + column, sums);
  });
}

}  // namespace facenet::cuda
