// Implicit GEMM on tensor cores. A block has a tile of pixels (M) x columns (N) and goes over the terms (K) in steps, a
// pipeline of stages ahead of the multiplication: what cp.async brings for a later step, ldmatrix takes for this one.
#pragma once

#include "cuda/common/device.cuh"
#include "cuda/conv2d/forward/mma_copy.cuh"
#include "cuda/conv2d/forward/mma_tiles.h"

namespace facenet::cuda {

// A warp's part of a tile: the fragments of 16 terms, K of one mma, and the sums.
template <class Tile, class T>
class WarpProduct {
 public:
  using Rows = SwizzledRows<T, Tile::kTerms>;
  struct Fragments {
    uint32_t pixels[Tile::kRowMmas][4], columns[Tile::kColumnMmas][2];
  };

  __device__ __forceinline__ WarpProduct() {
    const int lane = laneOf();
    // ldmatrix: lane 8 i + r points at row r of matrix i. Of pixels the matrices are (rows 0-7, 8-15) x (terms
    // 0-7, 8-15), rows first; of columns terms first.
    const int pixel = firstRow() + lane % 16, column = firstColumn() + lane / 16 * 8 + lane % 8;
    pixelRow_ = pixel * Rows::kRowBytes;
    pixelChunk_ = (lane / 16) ^ Rows::swizzle(pixel);
    columnRow_ = Tile::kPixelBytes + column * Rows::kRowBytes;
    columnChunk_ = (lane / 8 % 2) ^ Rows::swizzle(column);
#pragma unroll
    for (auto& row : sums_)
      for (auto& tile : row)
        for (float& sum : tile) sum = 0.f;
  }

  static __device__ __forceinline__ int firstRow() { return warpOf() % kWarpsDown * Tile::kWarpRows; }
  static __device__ __forceinline__ int firstColumn() { return warpOf() / kWarpsDown * Tile::kWarpColumns; }

  // The fragments of terms [16 * k16, 16 * k16 + 16) of a stage.
  __device__ __forceinline__ void load(const char* stage, int k16, Fragments& f) const {
    const char* pixels = stage + pixelRow_ + (pixelChunk_ ^ 2 * k16) * 16;
    const char* columns = stage + columnRow_ + (columnChunk_ ^ 2 * k16) * 16;
#pragma unroll
    for (int m = 0; m < Tile::kRowMmas; ++m) ptx::loadMatrix(f.pixels[m], pixels + m * 16 * Rows::kRowBytes);
#pragma unroll
    for (int n = 0; n < Tile::kColumnMmas; n += 2) {
      uint32_t both[4];
      ptx::loadMatrix(both, columns + n * 8 * Rows::kRowBytes);
      f.columns[n][0] = both[0], f.columns[n][1] = both[1];
      f.columns[n + 1][0] = both[2], f.columns[n + 1][1] = both[3];
    }
  }

  __device__ __forceinline__ void multiply(const Fragments& f) {
    constexpr Element<T> element{};
#pragma unroll
    for (int m = 0; m < Tile::kRowMmas; ++m)
#pragma unroll
      for (int n = 0; n < Tile::kColumnMmas; ++n)
        ptx::multiplyAdd(element, sums_[m][n], f.pixels[m], f.columns[n]);
  }

  // body(row of the tile, eight sums) for this lane's rows at columns [column, column + 8) of the tile, column =
  // firstColumn() + 32 * n32 + 8 * (lane % 4); see sharedRowOfColumn.
  template <class Body>
  __device__ __forceinline__ void forEachRow(int n32, Body body) {
    const int first = firstRow() + laneOf() / 4;
#pragma unroll
    for (int m = 0; m < Tile::kRowMmas; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float sums[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) sums[i] = sums_[m][n32 * 4 + i / 2][half * 2 + i % 2];
        body(first + m * 16 + half * 8, sums);
      }
  }

 private:
  static constexpr int kWarpsDown = Tile::kRows / Tile::kWarpRows;

  int pixelRow_, pixelChunk_, columnRow_, columnChunk_;
  float sums_[Tile::kRowMmas][Tile::kColumnMmas][4];
};

// The main loop: adds all of a block's terms up. Entering step s, stages s to s + kStages - 2 are under way or there;
// the stage of step s - 1, which all warps have left at the barrier before, takes step s + kStages - 1.
template <class Tile, class T, class Copy>
__device__ __forceinline__ void addSteps(int steps, Copy copy, WarpProduct<Tile, T>& product) {
  constexpr int kGroups = Tile::kTerms / 16;
  char* const ring = dynamicShared();
#pragma unroll
  for (int s = 0; s < Tile::kStages - 1; ++s) {
    if (s < steps) copy(ring + s * Tile::kStageBytes);
    ptx::copyAsyncCommit();
  }
  ptx::copyAsyncWait<Tile::kStages - 2>();
  __syncthreads();

  typename WarpProduct<Tile, T>::Fragments fragments[2];
  product.load(ring, 0, fragments[0]);
  int reading = 0, writing = Tile::kStages - 1;
  for (int s = 0; s < steps; ++s) {
#pragma unroll
    for (int k = 0; k < kGroups; ++k) {
      if (k + 1 < kGroups) {
        product.load(ring + reading * Tile::kStageBytes, k + 1, fragments[(k + 1) % 2]);
      } else {
        ptx::copyAsyncWait<Tile::kStages - 2>();
        __syncthreads();
        reading = reading + 1 < Tile::kStages ? reading + 1 : 0;
        product.load(ring + reading * Tile::kStageBytes, 0, fragments[0]);
      }
      if (k == 0) {
        if (s + Tile::kStages - 1 < steps) copy(ring + writing * Tile::kStageBytes);
        ptx::copyAsyncCommit();
        writing = writing + 1 < Tile::kStages ? writing + 1 : 0;
      }
      product.multiply(fragments[k % 2]);
    }
  }
}

// T is the type of the weights, X that of x, T or float. Aligned: x can be copied 16 bytes at a time. Grid: tiles x
// splits x groups.
// Registers: at most 256.
template <class Tile, class T, class X, bool Aligned>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) convMma(MmaArguments a) {
  const int tile = static_cast<int>(blockIdx.x);
  const int rowTile = a.rowsInnermost ? tile % a.rowTiles : tile / a.columnTiles;
  const int columnTile = a.rowsInnermost ? tile / a.rowTiles : tile % a.columnTiles;
  const int split = static_cast<int>(blockIdx.y), group = static_cast<int>(blockIdx.z);
  const int firstPixel = rowTile * Tile::kRows, tileColumn = columnTile * Tile::kColumns;
  const int firstTerm = split * a.splitSteps * Tile::kTerms;
  const int left = ceilDivide(a.rowTerms - firstTerm, Tile::kTerms);

  WarpProduct<Tile, T> product;
  {
    const PixelCopy<T, X, Tile, Aligned> pixels(a, firstPixel, group);
    WeightCopy<T, Tile> weights(a, tileColumn, group, firstTerm);
    constexpr int kChunks = SwizzledRows<T, Tile::kTerms>::kChunks;
    TermCursor cursor(a, firstTerm + static_cast<int>(threadIdx.x) % kChunks * kMmaChunk);
    const auto copy = [&](char* stage) {
      pixels.issue(a, cursor, stage);
      weights.issue(a, cursor.inside(a), stage + Tile::kPixelBytes);
      cursor.advance(a, Tile::kTerms);
    };
    addSteps(min(left, a.splitSteps), copy, product);
  }

  const auto store = [&](auto epilogue, int n32) {
    product.forEachRow(n32, [&](int row, float(&sums)[8]) {
      if (firstPixel + row < a.pixels) epilogue.store(firstPixel + row, sums);
    });
  };
#pragma unroll
  for (int n32 = 0; n32 < Tile::kWarpColumns / 32; ++n32) {
    const int column = tileColumn + product.firstColumn() + n32 * 32 + laneOf() % 4 * 8;
    if (column >= a.columns) continue;
    if (a.toSplits)
      store(SplitColumns(a.splits, split, group, column), n32);
    else if (a.maxout == 2)
      store(MaxoutEpilogue(a.epilogue, group, a.columns, column), n32);
    else
      store(ColumnEpilogue(a.epilogue, group, a.columns, column), n32);
  }
}

}  // namespace facenet::cuda
