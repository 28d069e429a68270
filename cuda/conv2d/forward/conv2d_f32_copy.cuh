// Global memory to the shared memory of one stage of conv2dF32's product.
#pragma once

#include "cuda/common/warp.cuh"
#include "cuda/conv2d/common/epilogue.cuh"
#include "cuda/conv2d/forward/f32_tiles.h"
#include "cuda/ptx.cuh"

namespace facenet::cuda {

// What the kernels are told. Everything counts elements.
struct F32Arguments {
  const float *x, *weight;
  int64_t xStride, rowTerms;
  int height, width, channels;
  int outWidth, outPixels, pixels, columns;  // outPixels: of one image; pixels: of all
  int taps, tapTerms;
  int strideHeight, strideWidth, padTop, padLeft;
  int dilationHeight, dilationWidth, windowHeight, windowWidth;  // window: kernel times dilation
  int columnTiles, steps;
  ConvEpilogue epilogue;
};

// Where a chunk of a row of the input lies in a stage: the first chunks of all rows, then the second ones. Rows are
// swizzled within groups of eight, so that neither the copies, four chunks of two rows at a time, nor the reads, one
// chunk of eight rows, meet in a bank. `first` is a multiple of eight, `row` counts from there.
template <class Tile>
__device__ __forceinline__ int f32RowOffset(int first, int row, int chunk) {
  return (chunk * Tile::kRows + first + (row ^ chunk << 1)) * kF32ChunkTerms;
}

// The weights lie likewise, in slots: lane l of four reads the slots l, l + 4, l + 8... of its warp's tile, and they
// are the columns that it stores, 8 l to 8 l + 7. `first` is a multiple of four.
template <class Tile>
__device__ __forceinline__ int f32SlotOffset(int first, int slot, int chunk) {
  return (chunk * Tile::kColumns + first + (slot ^ chunk)) * kF32ChunkTerms;
}
template <class Tile>
__device__ __forceinline__ int f32ColumnOffset(int column, int chunk) {
  const int within = column % Tile::kWarpColumns, lane = within / 8, index = within % 8;
  return f32SlotOffset<Tile>(column - within + index * kF32LaneColumns, lane, chunk);
}

// Copies the stages of a block's tile, one after the other. A thread copies the same chunk of several rows, so that
// where the chunk lies among the terms is worked out once for all of them: im2col on the fly.
template <class Tile, bool Aligned>
class F32Copy {
 public:
  __device__ __forceinline__ F32Copy(const F32Arguments& p, int firstRow, int firstColumn)
      : p_(p),
        chunk_(threadIdx.x % kF32Chunks),
        row_(threadIdx.x / kF32Chunks),
        term_(chunk_ * kF32ChunkTerms) {
#pragma unroll
    for (int i = 0; i < kRowCount; ++i) {
      const int pixel = firstRow + row_ + i * Tile::kRowsPerPass;
      const int image = pixel / p.outPixels, within = pixel % p.outPixels;
      // No row of the image is so far up: a row of the tile beyond the last pixel is all padding.
      y_[i] = pixel < p.pixels ? within / p.outWidth * p.strideHeight - p.padTop : -(1 << 30);
      x_[i] = within % p.outWidth * p.strideWidth - p.padLeft;
      base_[i] = image * p.height * p.width;
    }
    column_ = firstColumn + row_;
    channel_ = term_;
    wrap();
  }

  // Issues the copies of the next stage.
  __device__ __forceinline__ void copy(float* rows, float* columns) {
    const bool inKernel = ky_ < p_.windowHeight;
#pragma unroll
    for (int i = 0; i < kRowCount; ++i) {
      const int y = y_[i] + ky_, x = x_[i] + kx_;
      const bool inside = inKernel && static_cast<unsigned>(y) < static_cast<unsigned>(p_.height) &&
                          static_cast<unsigned>(x) < static_cast<unsigned>(p_.width);
      const int64_t pixel = base_[i] + y * p_.width + x;
      const int row = row_ + i * Tile::kRowsPerPass;
      copyChunk(rows + f32RowOffset<Tile>(row / 8 * 8, row % 8, chunk_), p_.x, pixel * p_.xStride + channel_,
                inside ? p_.channels - channel_ : 0);
    }
#pragma unroll
    for (int i = 0; i < kColumnCount; ++i) {
      const int column = column_ + i * Tile::kRowsPerPass;
      const bool inside = column < p_.columns && term_ < p_.taps * p_.tapTerms;
      ptx::copyAsync<16>(columns + f32ColumnOffset<Tile>(row_ + i * Tile::kRowsPerPass, chunk_),
                         p_.weight + (inside ? column * p_.rowTerms + term_ : 0), inside);
    }
    term_ += Tile::kTerms;
    channel_ += Tile::kTerms;
    wrap();
  }

 private:
  static constexpr int kRowCount = Tile::kRows / Tile::kRowsPerPass;
  static constexpr int kColumnCount = Tile::kColumns / Tile::kRowsPerPass;

  __device__ __forceinline__ void wrap() {
    while (channel_ >= p_.tapTerms) {
      channel_ -= p_.tapTerms;
      kx_ += p_.dilationWidth;
      if (kx_ == p_.windowWidth) kx_ = 0, ky_ += p_.dilationHeight;
    }
  }

  // A chunk of which the first `count` terms exist, and the others are zero.
  __device__ __forceinline__ void copyChunk(float* to, const float* from, int64_t index, int count) {
    if constexpr (Aligned) {
      ptx::copyAsyncPartly(to, from + (count > 0 ? index : 0), min(max(count, 0), kF32ChunkTerms) * 4);
    } else {
#pragma unroll
      for (int i = 0; i < kF32ChunkTerms; ++i)
        ptx::copyAsync<4>(to + i, from + (i < count ? index + i : 0), i < count);
    }
  }

  const F32Arguments& p_;
  int chunk_, row_, term_;             // of this thread's chunks
  int channel_ = 0, ky_ = 0, kx_ = 0;  // where the term lies: ky_, kx_ its pixel in the window
  int y_[kRowCount], x_[kRowCount];    // the window's corner
  int base_[kRowCount];                // first pixel of the image
  int column_;
};

}  // namespace facenet::cuda
