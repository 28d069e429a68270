// Implicit GEMM on tensor cores. A block has a tile of pixels x columns and walks over the terms, a ring of
// stages ahead of the multiplication: what cp.async brings for a later step, ldmatrix takes for this one.
#pragma once

#include "cuda/common/device.cuh"
#include "cuda/conv2d/forward/mma_copy.cuh"

namespace facenet::cuda {

// A tile that kernels are built for. kBlocks an SM leave kRegisters = 65536 / (kBlocks * kThreads) a thread,
// which is the budget.
template <class Type, int Rows, int Columns, int Terms, int WarpRows, int WarpColumns, int Stages, int Blocks>
struct MmaTile {
  using T = Type;
  static constexpr int kRows = Rows, kColumns = Columns, kTerms = Terms;
  static constexpr int kWarpRows = WarpRows, kWarpColumns = WarpColumns;
  static constexpr int kStages = Stages, kBlocks = Blocks;
  static constexpr int kWarps = Rows / WarpRows * (Columns / WarpColumns);
  static constexpr int kThreads = kWarps * 32;
  static constexpr int kRowMmas = WarpRows / 16, kColumnMmas = WarpColumns / 8;
  static constexpr int kPixelBytes = Rows * Terms * 2;
  static constexpr int kStageBytes = kPixelBytes + Columns * Terms * 2;
  static constexpr int kSharedBytes = Stages * kStageBytes;
  static_assert(WarpRows % 16 == 0 && WarpColumns % 32 == 0 && Stages >= 3);
};

// A warp's part of a tile: fragments of one sixteenth of the terms, and the sums.
template <class Tile>
class WarpProduct {
 public:
  using Rows = SharedRows<Tile::kTerms>;
  struct Fragments {
    uint32_t pixels[Tile::kRowMmas][4], columns[Tile::kColumnMmas][2];
  };

  __device__ __forceinline__ WarpProduct() {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    // ldmatrix: lane 8 i + r points at row r of matrix i. Of pixels the matrices are (rows 0-7, 8-15) x (terms
    // 0-7, 8-15), rows first; of columns terms first.
    const int pixel = firstRow() + lane % 16, column = firstColumn() + lane / 16 * 8 + lane % 8;
    pixelRow_ = pixel * Rows::kRowBytes;
    pixelPiece_ = (lane / 16) ^ Rows::turn(pixel);
    columnRow_ = Tile::kPixelBytes + column * Rows::kRowBytes;
    columnPiece_ = (lane / 8 % 2) ^ Rows::turn(column);
#pragma unroll
    for (auto& row : sums_)
      for (auto& tile : row)
        for (float& sum : tile) sum = 0.f;
  }

  static __device__ __forceinline__ int firstRow() {
    return warp() % kWarpsDown * Tile::kWarpRows;
  }
  static __device__ __forceinline__ int firstColumn() {
    return warp() / kWarpsDown * Tile::kWarpColumns;
  }

  __device__ __forceinline__ void load(const char* stage, int sixteenth, Fragments& f) const {
    const char* pixels = stage + pixelRow_ + (pixelPiece_ ^ 2 * sixteenth) * 16;
    const char* columns = stage + columnRow_ + (columnPiece_ ^ 2 * sixteenth) * 16;
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
    typename Storage<typename Tile::T>::Element element;
#pragma unroll
    for (int m = 0; m < Tile::kRowMmas; ++m)
#pragma unroll
      for (int n = 0; n < Tile::kColumnMmas; ++n)
        ptx::multiplyAdd(element, sums_[m][n], f.pixels[m], f.columns[n]);
  }

  // body(row of the tile, eight sums) for this lane's rows at columns [column, column + 8) of the tile, column =
  // firstColumn() + 32 * quarter + 8 * (lane % 4); see sharedRowOfColumn.
  template <class Body>
  __device__ __forceinline__ void forEachRow(int quarter, Body body) {
    const int first = firstRow() + static_cast<int>(threadIdx.x) % 32 / 4;
#pragma unroll
    for (int m = 0; m < Tile::kRowMmas; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float sums[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) sums[i] = sums_[m][quarter * 4 + i / 2][half * 2 + i % 2];
        body(first + m * 16 + half * 8, sums);
      }
  }

 private:
  static constexpr int kWarpsDown = Tile::kRows / Tile::kWarpRows;
  static __device__ __forceinline__ int warp() {
    return static_cast<int>(threadIdx.x) / 32;
  }

  int pixelRow_, pixelPiece_, columnRow_, columnPiece_;
  float sums_[Tile::kRowMmas][Tile::kColumnMmas][4];
};

// Adds all of a block's terms up. Entering step s, stages s to s + kStages - 2 are under way or there; the stage
// of step s - 1, which all warps have left at the barrier before, takes step s + kStages - 1.
template <class Tile, class Copy>
__device__ __forceinline__ void addUp(int steps, Copy copy, WarpProduct<Tile>& product) {
  constexpr int kSixteenths = Tile::kTerms / 16;
  char* const ring = dynamicShared();
#pragma unroll
  for (int s = 0; s < Tile::kStages - 1; ++s) {
    if (s < steps) copy(ring + s * Tile::kStageBytes);
    ptx::copyAsyncCommit();
  }
  ptx::copyAsyncWait<Tile::kStages - 2>();
  __syncthreads();

  typename WarpProduct<Tile>::Fragments fragments[2];
  product.load(ring, 0, fragments[0]);
  int reading = 0, writing = Tile::kStages - 1;
  for (int s = 0; s < steps; ++s) {
#pragma unroll
    for (int k = 0; k < kSixteenths; ++k) {
      if (k + 1 < kSixteenths) {
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

// X is the type of x, T or float. Aligned: x can be copied 16 bytes at a time. Grid: tiles x splits x groups.
// Registers: at most 256.
template <class Tile, class X, bool Aligned>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) convMma(MmaArguments a) {
  const int tile = static_cast<int>(blockIdx.x);
  const int rowTile = a.rowsInnermost ? tile % a.rowTiles : tile / a.columnTiles;
  const int columnTile = a.rowsInnermost ? tile / a.rowTiles : tile % a.columnTiles;
  const int split = static_cast<int>(blockIdx.y), group = static_cast<int>(blockIdx.z);
  const int firstPixel = rowTile * Tile::kRows, tileColumn = columnTile * Tile::kColumns;
  const int firstTerm = split * a.splitSteps * Tile::kTerms;
  const int left = (a.rowTerms - firstTerm + Tile::kTerms - 1) / Tile::kTerms;

  WarpProduct<Tile> product;
  {
    const PixelCopy<typename Tile::T, X, Tile, Aligned> pixels(a, firstPixel, group);
    WeightCopy<typename Tile::T, Tile> weights(a, tileColumn, group, firstTerm);
    constexpr int kPieces = SharedRows<Tile::kTerms>::kPieces;
    TermCursor cursor(a, firstTerm + static_cast<int>(threadIdx.x) % kPieces * kPieceNumbers);
    const auto copy = [&](char* stage) {
      pixels.issue(a, cursor, stage);
      weights.issue(a, cursor.inside(a), stage + Tile::kPixelBytes);
      cursor.advance(a, Tile::kTerms);
    };
    addUp<Tile>(min(left, a.splitSteps), copy, product);
  }

  const auto store = [&](auto columns, int quarter) {
    product.forEachRow(quarter, [&](int row, float(&sums)[8]) {
      if (firstPixel + row < a.pixels) columns.finish(firstPixel + row, sums);
    });
  };
#pragma unroll
  for (int quarter = 0; quarter < Tile::kWarpColumns / 32; ++quarter) {
    const int column =
        tileColumn + product.firstColumn() + quarter * 32 + static_cast<int>(threadIdx.x) % 4 * 8;
    if (column >= a.columns) continue;
    if (a.toSplits)
      store(SplitColumns(a.splits, split, group, column), quarter);
    else if (a.maxout == 2)
      store(FourOfEightColumns(a.end, group, a.columns, column), quarter);
    else
      store(EightColumns(a.end, group, a.columns, column), quarter);
  }
}

}  // namespace facenet::cuda
