// The kernels of conv2dMma for one element type.
#pragma once

#include "cuda/conv2d/forward/mma_kernel.cuh"
#include "cuda/conv2d/forward/mma_launch.cuh"

namespace facenet::cuda {

template <class Tile, class T, class X, bool Aligned>
void launchMma(const MmaArguments& a, int splits, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(a.rowTiles * a.columnTiles), static_cast<unsigned>(splits),
                  static_cast<unsigned>(a.groups));
  launch<convMma<Tile, T, X, Aligned>>(grid, Tile::kThreads, Tile::kSharedBytes, stream, a);
}

template <class T>
void launchMmaOf(const MmaArguments& a, const ConvTile& tile, PixelSource source, cudaStream_t stream) {
  FACENET_ASSERT(tile.terms == kStepTerms);
  if (source == PixelSource::chunks)
    return MmaTiles::dispatch(tile.rows, tile.columns, [&]<class Tile>(Tile) {
      FACENET_ASSERT(tile.stages == Tile::kStages);
      launchMma<Tile, T, T, true>(a, tile.splits, stream);
    });
  FACENET_ASSERT(tile.rows == SquareMmaTile::kRows && tile.columns == SquareMmaTile::kColumns);
  return source == PixelSource::floats ? launchMma<SquareMmaTile, T, float, false>(a, tile.splits, stream)
                                       : launchMma<SquareMmaTile, T, T, false>(a, tile.splits, stream);
}

}  // namespace facenet::cuda
