// The operands of a weight gradient on their way to shared memory. Both lie there as in memory, one pixel per row:
// neighbours in a row are output channels of g, and terms of x. A thread copies the same 16 bytes, a chunk, of several
// pixels of every stage.
#pragma once

#include "cuda/common/swizzle.cuh"
#include "cuda/conv2d/weight_gradient/gradient_tiles.h"
#include "cuda/conv2d/weight_gradient/weight_gradient_sums.cuh"

namespace facenet::cuda {

// What the kernels are told. Everything counts elements.
struct GradientArguments {
  // x and the window on it
  const void* x;
  int64_t xStride;
  int inHeight, inWidth, channels;  // channels: of a group
  int kernelWidth, taps, tapTerms;
  int strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft;
  // g
  const void* g;
  int64_t gStride;
  int outHeight, outWidth, rows;  // rows: channels of a group
  int pixels;                     // of all images
  // How the product is cut
  int rowTiles, columnTiles;
  int splitPixels;  // a multiple of a stage's
  GradientSums sums;
};

// What a tile is of: T the type of both operands in shared memory, X and G those of x and g in global memory. Aligned:
// both are copied 16 bytes at a time.
template <class Tile, class TType, class XType, class GType, bool AlignedOperands>
struct GradientOperands : Tile {
  using T = TType;
  using X = XType;
  using G = GType;
  static constexpr bool kAligned = AlignedOperands;
  static constexpr int kWarpsDown = Tile::kRows / Tile::kWarpRows;
  static constexpr int kThreads = kWarpsDown * (Tile::kColumns / Tile::kWarpColumns) * kWarpSize;
  static constexpr int kOutputBytes = Tile::kRows * Tile::kPixels * static_cast<int>(sizeof(T));
  static constexpr int kStageBytes =
      kOutputBytes + Tile::kColumns * Tile::kPixels * static_cast<int>(sizeof(T));
  static constexpr int kSharedBytes = Tile::kStages * kStageBytes;
};

// The first `count` numbers of a chunk, 0 to all, and zeros behind them; `from` is not read where there are
// none. Aligned: `from` is aligned to 16 bytes.
template <class T, bool Aligned, class From>
__device__ __forceinline__ void copyChunk(char* to, const From* from, int count) {
  if constexpr (Aligned) {
    ptx::copyAsyncPartly(to, from, count * static_cast<int>(sizeof(T)));
  } else if constexpr (sizeof(T) == 4) {
#pragma unroll
    for (int i = 0; i < kChunkNumbers<T>; ++i) ptx::copyAsync<4>(to + i * 4, from + i, i < count);
  } else {
    float numbers[kChunkNumbers<T>];
#pragma unroll
    for (int i = 0; i < kChunkNumbers<T>; ++i) {
      float number[1] = {0.f};
      if (i < count) unpack(from[i], number);
      numbers[i] = number[0];
    }
    Pack<T, kChunkNumbers<T>> packed;
    pack(numbers, packed);
    *reinterpret_cast<Pack<T, kChunkNumbers<T>>*>(to) = packed;
  }
}

// g at the pixels [first, end) of a split, a stage at a time: a tile's output channels of a group.
template <class Tile>
class OutputCopy {
 public:
  using T = typename Tile::T;
  using G = typename Tile::G;
  using Rows = SwizzledRows<T, Tile::kRows>;
  static constexpr int kStep = Tile::kThreads / Rows::kChunks;  // pixels at once
  static constexpr int kPasses = ceilDivide(Tile::kPixels, kStep);
  // Whether there are threads or passes beyond the stage's chunks.
  static constexpr bool kSpare = Tile::kThreads % Rows::kChunks != 0 || Tile::kPixels % kStep != 0;

  __device__ __forceinline__ OutputCopy(const GradientArguments& a, int first, int end, int row, int group) {
    pixel_ = static_cast<int>(threadIdx.x) / Rows::kChunks;
    chunk_ = static_cast<int>(threadIdx.x) % Rows::kChunks;
    const int channel = row + chunk_ * kChunkNumbers<T>;
    numbers_ = max(min(a.rows - channel, kChunkNumbers<T>), 0);
    left_ = end - first - pixel_;
    from_ = static_cast<const G*>(a.g) + (int64_t{first} + pixel_) * a.gStride + group * a.rows + channel;
  }

  // Copies the next pixels to `stage`.
  __device__ __forceinline__ void issue(const GradientArguments& a, char* stage) {
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const int row = pixel_ + i * kStep;
      if (kSpare && (pixel_ >= kStep || row >= Tile::kPixels)) break;
      copyChunk<T, Tile::kAligned>(stage + Rows::offset(row, chunk_), from_ + i * kStep * a.gStride,
                                   i * kStep < left_ ? numbers_ : 0);
    }
    from_ += Tile::kPixels * a.gStride;
    left_ -= Tile::kPixels;
  }

 private:
  const G* from_;
  int pixel_, chunk_, numbers_, left_;
};

// x under the window at the same pixels: a tile's terms. The output pixels that a thread has follow each
// other at equal distances, also from stage to stage, so it goes from one to the next without a division.
template <class Tile>
class WindowCopy {
 public:
  using T = typename Tile::T;
  using X = typename Tile::X;
  using Rows = SwizzledRows<T, Tile::kColumns>;
  static constexpr int kStep = Tile::kThreads / Rows::kChunks;
  static_assert(Tile::kThreads % Rows::kChunks == 0 && Tile::kPixels % kStep == 0);

  __device__ __forceinline__ WindowCopy(const GradientArguments& a, int first, int end, int column,
                                        int group) {
    row_ = static_cast<int>(threadIdx.x) / Rows::kChunks;
    chunk_ = static_cast<int>(threadIdx.x) % Rows::kChunks;
    const int term = column + chunk_ * kChunkNumbers<T>, tap = term / a.tapTerms, channel = term % a.tapTerms;
    numbers_ = tap < a.taps ? max(min(a.channels - channel, kChunkNumbers<T>), 0) : 0;
    top_ = tap / a.kernelWidth * a.dilationHeight - a.padTop;
    left_ = tap % a.kernelWidth * a.dilationWidth - a.padLeft;
    from_ = static_cast<const X*>(a.x) + group * a.channels + channel;
    const int pixel = first + row_, outPixels = a.outHeight * a.outWidth, within = pixel % outPixels;
    rest_ = end - pixel;
    image_ = pixel / outPixels;
    y_ = within / a.outWidth;
    x_ = within % a.outWidth;
    stepImages_ = kStep / outPixels;
    stepRows_ = kStep % outPixels / a.outWidth;
    stepColumns_ = kStep % outPixels % a.outWidth;
  }

  __device__ __forceinline__ void issue(const GradientArguments& a, char* stage) {
#pragma unroll
    for (int i = 0; i < Tile::kPixels / kStep; ++i) {
      const int y = y_ * a.strideHeight + top_, x = x_ * a.strideWidth + left_;
      const bool inside = rest_ > 0 && static_cast<unsigned>(y) < static_cast<unsigned>(a.inHeight) &&
                          static_cast<unsigned>(x) < static_cast<unsigned>(a.inWidth);
      const int pixel = (image_ * a.inHeight + y) * a.inWidth + x;
      copyChunk<T, Tile::kAligned>(stage + Rows::offset(row_ + i * kStep, chunk_), from_ + pixel * a.xStride,
                                   inside ? numbers_ : 0);
      advance(a);
    }
  }

 private:
  __device__ __forceinline__ void advance(const GradientArguments& a) {
    rest_ -= kStep;
    x_ += stepColumns_;
    y_ += stepRows_;
    image_ += stepImages_;
    if (x_ >= a.outWidth) x_ -= a.outWidth, ++y_;
    if (y_ >= a.outHeight) y_ -= a.outHeight, ++image_;
  }

  const X* from_;
  int row_, chunk_, numbers_;
  int top_, left_;                           // of the tap, from the window's corner on an unpadded image
  int image_, y_, x_, rest_;                 // the next output pixel; rest_: pixels from it to the end
  int stepImages_, stepRows_, stepColumns_;  // from one pixel to the next
};

// What a block has of the product, and the ring of stages that its operands go through.
template <class Tile>
class GradientBlock {
 public:
  __device__ __forceinline__ explicit GradientBlock(const GradientArguments& a)
      : row(static_cast<int>(blockIdx.x) % a.rowTiles * Tile::kRows),
        column(static_cast<int>(blockIdx.x) / a.rowTiles * Tile::kColumns),
        split(static_cast<int>(blockIdx.y)),
        group(static_cast<int>(blockIdx.z)) {}

  // multiply(stage) for all pixels of the split; a barrier lies between a stage's copies and its use.
  template <class Multiply>
  __device__ __forceinline__ void forEachStage(const GradientArguments& a, Multiply multiply) const {
    const int first = split * a.splitPixels, end = min(first + a.splitPixels, a.pixels);
    const int stages = ceilDivide(end - first, Tile::kPixels);
    OutputCopy<Tile> outputs(a, first, end, row, group);
    WindowCopy<Tile> windows(a, first, end, column, group);
    char* const ring = dynamicShared();
    int issued = 0, writing = 0, reading = 0;
    const auto issue = [&] {
      if (issued < stages) {
        char* const stage = ring + writing * Tile::kStageBytes;
        outputs.issue(a, stage);
        windows.issue(a, stage + Tile::kOutputBytes);
      }
      ptx::copyAsyncCommit();  // an empty group past the end keeps the count
      ++issued;
      writing = writing + 1 < Tile::kStages ? writing + 1 : 0;
    };
#pragma unroll
    for (int s = 0; s < Tile::kStages - 1; ++s) issue();
    for (int s = 0; s < stages; ++s) {
      ptx::copyAsyncWait<Tile::kStages - 2>();
      __syncthreads();  // all see this stage, and none still reads the one before it
      issue();
      multiply(ring + reading * Tile::kStageBytes);
      reading = reading + 1 < Tile::kStages ? reading + 1 : 0;
    }
  }

  int row, column;  // of the tile
  int split, group;
};

}  // namespace facenet::cuda
