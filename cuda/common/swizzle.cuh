// Swizzled rows of a tile in shared memory, for ldmatrix.
#pragma once

#include "cuda/common/vectors.cuh"

namespace facenet::cuda {

// Rows of Count numbers of type T, in chunks of 16 bytes, the unit of copies and of ldmatrix. Row r has its chunk c
// where c ^ swizzle(r) would lie: eight rows of a matrix that ldmatrix reads, and the chunks that eight lanes write,
// fall on all 32 banks. fp32 rows are read along their length and are not swizzled.
template <class T, int Count>
struct SwizzledRows {
  static constexpr int kChunks = Count / kChunkNumbers<T>;
  static constexpr int kRowBytes = Count * static_cast<int>(sizeof(T));
  static_assert(kChunks % 4 == 0);

  // Rows of 64 bytes fill the banks in pairs, so that two neighbours share a swizzle.
  static __device__ __forceinline__ int swizzle(int row) {
    if constexpr (sizeof(T) == 4) return 0;
    return kChunks % 8 == 0 ? row % 8 : row / 2 % 4;
  }
  static __device__ __forceinline__ int offset(int row, int chunk) {
    return row * kRowBytes + (chunk ^ swizzle(row)) * 16;
  }
};

}  // namespace facenet::cuda
