// A tile of squared distances between rows of two matrices. Each is the chain of fused multiply-adds that
// ops/triplet_mining.h defines, ascending over the dimensions, so it has the value that every other backend
// gives, equal rows are at zero and near ones do not cancel as |a|^2 + |b|^2 - 2ab would.
#pragma once

#include "cuda/common/device.cuh"
#include "cuda/ptx.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {

constexpr int kTileThreads = 256;
constexpr int kTileColumns = 128;  // rows of b in a tile
constexpr int kTileSlab = 16;      // dimensions in shared memory at a time, of which there are two slabs
// Rows of a slab are 20 floats apart: eight lanes that read 16 bytes of neighbouring rows use all banks.
constexpr int kSlabStride = kTileSlab + 4;

// Rows of `dimensions` dense fp32 values.
struct RowsView {
  const float* data;
  int64_t count;

  __device__ __forceinline__ const float* row(int64_t i, int dimensions) const {
    return data + i * dimensions;
  }
};

// Row i is row order[i] of the data.
struct OrderedRows {
  const float* data;
  int64_t count;
  const int32_t* order;

  __device__ __forceinline__ const float* row(int64_t i, int dimensions) const {
    return data + int64_t{order[i]} * dimensions;
  }
};

// A thread has Rows x 8 distances: rows thread / 16 + 16 i of a, rows thread % 16 + 16 j of b. So a warp has
// whole rows of the tile. Bytes: of one copy, 16 where rows are aligned to that.
template <int Rows, int Bytes>
class DistanceTile {
 public:
  static constexpr int kRows = 16 * Rows;
  static constexpr int kColumnsPerThread = kTileColumns / 16;
  static constexpr int kSlabFloats = (kRows + kTileColumns) * kSlabStride;
  static constexpr size_t kSharedBytes = 2 * kSlabFloats * sizeof(float);

  __device__ __forceinline__ explicit DistanceTile(float* slabs) : slabs_(slabs) {}

  // The sums of rows [aFirst, ...) of a and [bFirst, ...) of b; rows beyond the matrices give nothing of use.
  // All threads of the block call it, and may call it again at once.
  template <class A, class B>
  __device__ __forceinline__ void compute(const A& a, int64_t aFirst, const B& b, int64_t bFirst,
                                          int dimensions) {
#pragma unroll
    for (int i = 0; i < Rows; ++i)
#pragma unroll
      for (int j = 0; j < kColumnsPerThread; ++j) sums[i][j] = 0;
    const int slabs = ceilDivide(dimensions, kTileSlab);
    fetch(a, aFirst, b, bFirst, dimensions, 0);
    for (int slab = 0; slab < slabs; ++slab) {
      if (slab + 1 < slabs)
        fetch(a, aFirst, b, bFirst, dimensions, slab + 1);
      else
        ptx::copyAsyncCommit();
      ptx::copyAsyncWait<1>();
      __syncthreads();
      addSlab(slabs_ + slab % 2 * kSlabFloats);
      __syncthreads();
    }
  }

  static __device__ __forceinline__ int row(int i) { return static_cast<int>(threadIdx.x) / 16 + 16 * i; }
  static __device__ __forceinline__ int column(int j) { return static_cast<int>(threadIdx.x) % 16 + 16 * j; }

  float sums[Rows][kColumnsPerThread];

 private:
  // Starts the copy of one slab; zeros, which add nothing to a chain, beyond the rows and the dimensions.
  template <class A, class B>
  __device__ __forceinline__ void fetch(const A& a, int64_t aFirst, const B& b, int64_t bFirst,
                                        int dimensions, int slab) const {
    constexpr int kPieces = kTileSlab * 4 / Bytes, kFloats = Bytes / 4;  // of a row
    constexpr int kCopies = (kRows + kTileColumns) * kPieces;
    float* to = slabs_ + slab % 2 * kSlabFloats;
#pragma unroll 1
    for (int copy = static_cast<int>(threadIdx.x); copy < kCopies; copy += kTileThreads) {
      // Eight lanes write eight rows, for the banks' sake, and a warp reads 64 bytes of each.
      const int row = Bytes == 16 ? copy / (8 * kPieces) * 8 + copy % 8 : copy / kPieces;
      const int piece = Bytes == 16 ? copy / 8 % kPieces : copy % kPieces;
      const int dimension = slab * kTileSlab + piece * kFloats;
      const bool ofA = row < kRows;
      const int64_t index = ofA ? aFirst + row : bFirst + row - kRows;
      const bool valid = index < (ofA ? a.count : b.count) && dimension < dimensions;
      const float* from = a.data;
      if (valid) from = (ofA ? a.row(index, dimensions) : b.row(index, dimensions)) + dimension;
      ptx::copyAsync<Bytes>(to + row * kSlabStride + piece * kFloats, from, valid);
    }
    ptx::copyAsyncCommit();
  }

  __device__ __forceinline__ void addSlab(const float* slab) {
    const float* ofA = slab + row(0) * kSlabStride;
    const float* ofB = slab + (kRows + column(0)) * kSlabStride;
#pragma unroll 1  // more would be kept in registers than there are
    for (int k = 0; k < kTileSlab; k += 4) {
      float4 left[Rows];
#pragma unroll
      for (int i = 0; i < Rows; ++i)
        left[i] = *reinterpret_cast<const float4*>(ofA + 16 * i * kSlabStride + k);
#pragma unroll
      for (int j = 0; j < kColumnsPerThread; ++j) {
        const float4 right = *reinterpret_cast<const float4*>(ofB + 16 * j * kSlabStride + k);
#pragma unroll
        for (int i = 0; i < Rows; ++i) {
          float sum = sums[i][j];
          add(left[i].x - right.x, sum);
          add(left[i].y - right.y, sum);
          add(left[i].z - right.z, sum);
          add(left[i].w - right.w, sum);
          sums[i][j] = sum;
        }
      }
    }
  }
  static __device__ __forceinline__ void add(float difference, float& sum) {
    sum = fmaf(difference, difference, sum);
  }

  float* slabs_;
};

// Whether rows can be copied 16 bytes at a time.
inline bool rowsPack(const float* data, int64_t dimensions) {
  return dimensions % 4 == 0 && reinterpret_cast<uintptr_t>(data) % 16 == 0;
}

}  // namespace facenet::cuda
