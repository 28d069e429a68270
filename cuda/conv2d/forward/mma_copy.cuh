// Global memory to the shared memory of one stage of a product. A thread copies the same 16 bytes, a chunk, of several
// rows, so that where a chunk lies among the terms is worked out once for all of them. Lanes beside each other copy
// neighbouring chunks: the reads are coalesced.
#pragma once

#include "cuda/common/swizzle.cuh"
#include "cuda/common/warp.cuh"
#include "cuda/conv2d/forward/mma_arguments.cuh"

namespace facenet::cuda {

constexpr int kMmaChunk = 8;  // numbers of bf16 or f16 in a chunk of 16 bytes

// The shared row of a tile's column. In an mma's result a lane has two neighbouring columns of eight; columns
// are laid so that the four results of 32 columns give it eight neighbours: lane t's are 8 t + 2 j + (0, 1) from
// result j.
__device__ __forceinline__ int sharedRowOfColumn(int column) {
  return (column & ~31) | (column % 8 / 2 * 8 + column / 8 % 4 * 2 + column % 2);
}

// Where a thread's chunk lies: its first channel, its tap's pixel, and its distance from the window's corner in x.
class TermCursor {
 public:
  __device__ __forceinline__ TermCursor(const MmaArguments& a, int term) {
    const int tap = term / a.tapTerms;
    channel_ = term % a.tapTerms;
    kx = tap % a.kernelWidth * a.dilationWidth;
    ky = tap / a.kernelWidth * a.dilationHeight;
    offset = (ky * a.inWidth + kx) * a.pixelStride + channel_;
  }
  __device__ __forceinline__ void advance(const MmaArguments& a, int terms) {
    channel_ += terms;
    offset += terms;
    while (channel_ >= a.tapTerms) {
      channel_ -= a.tapTerms;
      offset += a.dilationWidth * a.pixelStride - a.tapTerms;
      kx += a.dilationWidth;
      if (kx == a.windowWidth) {
        kx = 0;
        ky += a.dilationHeight;
        offset += (a.dilationHeight * a.inWidth - a.windowWidth) * a.pixelStride;
      }
    }
  }
  // Whether there are terms left, and how many of the chunk's numbers are channels.
  __device__ __forceinline__ bool inside(const MmaArguments& a) const { return ky < a.windowHeight; }
  __device__ __forceinline__ int numbers(const MmaArguments& a) const {
    return inside(a) ? min(a.channels - channel_, kMmaChunk) : 0;
  }

  int kx, ky, offset;

 private:
  int channel_;
};

// The windows of a tile's pixels. Pixel past the last one lie outside the image for every tap.
template <class T, class X, class Tile, bool Aligned>
class PixelCopy {
 public:
  using Rows = SwizzledRows<T, Tile::kTerms>;
  static constexpr int kStep = Tile::kThreads / Rows::kChunks;  // rows at once
  static constexpr int kRows = ceilDivide(Tile::kRows, kStep);

  __device__ __forceinline__ PixelCopy(const MmaArguments& a, int firstPixel, int group) {
    const int row = static_cast<int>(threadIdx.x) / Rows::kChunks;
    const int firstImage = firstPixel / a.outPixels;
    const int imageStride = a.inHeight * a.inWidth * a.pixelStride;
    base_ = static_cast<const X*>(a.x) + int64_t{firstImage} * imageStride + group * a.channels;
    target_ = Rows::offset(row, static_cast<int>(threadIdx.x) % Rows::kChunks);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int pixel = firstPixel + row + i * kStep;
      const int image = pixel / a.outPixels, inImage = pixel % a.outPixels;
      const int y = inImage / a.outWidth * a.strideHeight - a.padTop;
      const int x = inImage % a.outWidth * a.strideWidth - a.padLeft;
      const bool exists = pixel < a.pixels && row + i * kStep < Tile::kRows;
      offset_[i] = (image - firstImage) * imageStride + (y * a.inWidth + x) * a.pixelStride;
      corner_[i] = exists ? y * 0x10000 + (x & 0xffff) : kNowhere;
    }
  }

  // Copies the chunks at `cursor` to `stage`.
  __device__ __forceinline__ void issue(const MmaArguments& a, const TermCursor& cursor, char* stage) const {
    const int numbers = cursor.numbers(a);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      if (Tile::kRows % kStep != 0 &&
          static_cast<int>(threadIdx.x) / Rows::kChunks + i * kStep >= Tile::kRows)
        break;
      const int y = (corner_[i] >> 16) + cursor.ky, x = static_cast<int16_t>(corner_[i]) + cursor.kx;
      const bool inside = static_cast<unsigned>(y) < static_cast<unsigned>(a.inHeight) &&
                          static_cast<unsigned>(x) < static_cast<unsigned>(a.inWidth);
      const X* from = base_ + (offset_[i] + cursor.offset);
      char* to = stage + target_ + i * kStep * Rows::kRowBytes;
      if constexpr (Aligned)
        ptx::copyAsyncPartly(to, from, inside ? numbers * static_cast<int>(sizeof(T)) : 0);
      else
        copyNow(to, from, inside ? numbers : 0);
    }
  }

 private:
  static constexpr int kNowhere = -0x8000 * 0x10000;

  static __device__ __forceinline__ void copyNow(char* to, const X* from, int count) {
    float numbers[kMmaChunk];
#pragma unroll
    for (int k = 0; k < kMmaChunk; ++k) {
      float number[1] = {0.f};
      if (k < count) unpack(from[k], number);
      numbers[k] = number[0];
    }
    Pack<T, kMmaChunk> packed;
    pack(numbers, packed);
    *reinterpret_cast<Pack<T, kMmaChunk>*>(to) = packed;
  }

  const X* base_;
  int target_;
  int offset_[kRows], corner_[kRows];  // corner: y in the upper half, x in the lower
};

// The weights of a tile's columns. Columns past the last one and terms past the last one are zeros.
template <class T, class Tile>
class WeightCopy {
 public:
  using Rows = SwizzledRows<T, Tile::kTerms>;
  static constexpr int kStep = Tile::kThreads / Rows::kChunks;
  static constexpr int kColumns = Tile::kColumns / kStep;
  static_assert(Tile::kColumns % kStep == 0 && kStep % kWarpSize == 0);

  __device__ __forceinline__ WeightCopy(const MmaArguments& a, int firstColumn, int group, int firstTerm) {
    const int column = static_cast<int>(threadIdx.x) / Rows::kChunks;
    const int chunk = static_cast<int>(threadIdx.x) % Rows::kChunks;
    const int64_t row = int64_t{group} * a.columns + firstColumn + column;
    from_ = static_cast<const T*>(a.weight) + row * a.rowTerms + firstTerm + chunk * kMmaChunk;
    target_ = Rows::offset(sharedRowOfColumn(column), chunk);
    left_ = a.columns - firstColumn - column;
  }

  // Copies the next chunks to `stage`; `inside`: they hold terms.
  __device__ __forceinline__ void issue(const MmaArguments& a, bool inside, char* stage) {
#pragma unroll
    for (int i = 0; i < kColumns; ++i)
      ptx::copyAsync<16>(stage + target_ + i * kStep * Rows::kRowBytes,
                         from_ + int64_t{i} * kStep * a.rowTerms, inside && i * kStep < left_);
    from_ += Tile::kTerms;
  }

 private:
  const T* from_;
  int target_;
  int left_;  // columns from this thread's first one to the last
};

}  // namespace facenet::cuda
