// Which kernel has a tile: those of mmaShapes() in tile.cc.
#pragma once

#include "cuda/conv2d/forward/mma_kernel.cuh"
#include "cuda/conv2d/forward/mma_launch.cuh"

namespace facenet::cuda {

template <class Tile, class X, bool Aligned>
void launchMma(const MmaArguments& a, int splits, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(a.rowTiles * a.columnTiles), static_cast<unsigned>(splits),
                  static_cast<unsigned>(a.groups));
  launch<convMma<Tile, X, Aligned>>(grid, Tile::kThreads, Tile::kSharedBytes, stream, a);
}

template <class Tile>
bool launchIfTile(const MmaArguments& a, const ConvTile& tile, cudaStream_t stream) {
  if (tile.rows != Tile::kRows || tile.columns != Tile::kColumns) return false;
  FACENET_ASSERT(tile.terms == Tile::kTerms && tile.stages == Tile::kStages);
  launchMma<Tile, typename Tile::T, true>(a, tile.splits, stream);
  return true;
}

template <class T>
void launchMmaOf(const MmaArguments& a, const ConvTile& tile, PixelSource source, cudaStream_t stream) {
  using Square = MmaTile<T, 64, 64, 32, 32, 32, 4, 4>;
  if (source != PixelSource::pieces) {
    FACENET_ASSERT(tile.rows == Square::kRows && tile.columns == Square::kColumns);
    return source == PixelSource::floats ? launchMma<Square, float, false>(a, tile.splits, stream)
                                         : launchMma<Square, T, false>(a, tile.splits, stream);
  }
  const bool known = launchIfTile<MmaTile<T, 128, 128, 32, 64, 64, 4, 2>>(a, tile, stream) ||
                     launchIfTile<MmaTile<T, 128, 96, 32, 32, 96, 4, 2>>(a, tile, stream) ||
                     launchIfTile<MmaTile<T, 128, 64, 32, 64, 32, 4, 3>>(a, tile, stream) ||
                     launchIfTile<MmaTile<T, 128, 32, 32, 32, 32, 4, 4>>(a, tile, stream) ||
                     launchIfTile<Square>(a, tile, stream) ||
                     launchIfTile<MmaTile<T, 32, 64, 32, 16, 32, 4, 5>>(a, tile, stream) ||
                     launchIfTile<MmaTile<T, 16, 128, 32, 16, 32, 4, 5>>(a, tile, stream);
  FACENET_ASSERT(known);
}

}  // namespace facenet::cuda
