// The operands of a weight gradient on their way to shared memory. Both lie there as in memory, a pixel a
// row: neighbours in a row are output channels of g, and terms of x. A thread copies the same 16 bytes, a
// piece, of several pixels of every stage.
#pragma once

#include "cuda/conv2d/weight_gradient/weight_gradient_sums.cuh"

namespace facenet::cuda {

// What the kernels are told. Everything counts elements.
struct GradientArguments {
  // x and the window on it
  const void* x;
  int64_t xStride;
  int inHeight, inWidth, channels;  // channels: of a group
  int kernelWidth, taps, tapTerms;
  int strideHeight, strideWidth, padTop, padLeft;
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

template <class T>
constexpr int kPieceOf = 16 / static_cast<int>(sizeof(T));  // numbers

// Rows of `Numbers` of type T in shared memory. Pieces of 16-bit numbers change places within 128 bytes, so
// that the eight rows of a matrix that ldmatrix reads fall on all banks. fp32 rows are read along their
// length.
template <class T, int Numbers>
struct SharedPixels {
  static constexpr int kPieces = Numbers / kPieceOf<T>;
  static constexpr int kRowBytes = Numbers * static_cast<int>(sizeof(T));
  static_assert(kPieces % 4 == 0);

  static __device__ __forceinline__ int turn(int row) {
    if constexpr (sizeof(T) == 4) return 0;
    return kPieces % 8 == 0 ? row % 8 : row / 2 % 4;
  }
  static __device__ __forceinline__ int offset(int row, int piece) {
    return row * kRowBytes + (piece ^ turn(row)) * 16;
  }
};

// The first `count` numbers of a piece, 0 to all, and zeros behind them; `from` is not read where there are
// none. Pieces: `from` is aligned to 16 bytes.
template <class T, bool Pieces, class From>
__device__ __forceinline__ void copyPiece(char* to, const From* from, int count) {
  if constexpr (Pieces) {
    ptx::copyAsyncPartly(to, from, count * static_cast<int>(sizeof(T)));
  } else if constexpr (sizeof(T) == 4) {
#pragma unroll
    for (int i = 0; i < kPieceOf<T>; ++i) ptx::copyAsync<4>(to + i * 4, from + i, i < count);
  } else {
    float numbers[kPieceOf<T>];
#pragma unroll
    for (int i = 0; i < kPieceOf<T>; ++i) {
      float number[1] = {0.f};
      if (i < count) unpack(from[i], number);
      numbers[i] = number[0];
    }
    Pack<T, kPieceOf<T>> packed;
    pack(numbers, packed);
    *reinterpret_cast<Pack<T, kPieceOf<T>>*>(to) = packed;
  }
}

// g at the pixels [first, end) of a split, a stage at a time: a tile's output channels of a group.
template <class Tile>
class OutputCopy {
 public:
  using T = typename Tile::T;
  using G = typename Tile::G;
  using Rows = SharedPixels<T, Tile::kRows>;
  static constexpr int kStep = Tile::kThreads / Rows::kPieces;  // pixels at once
  static constexpr int kPasses = (Tile::kPixels + kStep - 1) / kStep;
  // Whether there are threads or passes beyond the stage's pieces.
  static constexpr bool kSpare = Tile::kThreads % Rows::kPieces != 0 || Tile::kPixels % kStep != 0;

  __device__ __forceinline__ OutputCopy(const GradientArguments& a, int first, int end, int row, int group) {
    pixel_ = static_cast<int>(threadIdx.x) / Rows::kPieces;
    piece_ = static_cast<int>(threadIdx.x) % Rows::kPieces;
    const int channel = row + piece_ * kPieceOf<T>;
    numbers_ = max(min(a.rows - channel, kPieceOf<T>), 0);
    left_ = end - first - pixel_;
    from_ = static_cast<const G*>(a.g) + (int64_t{first} + pixel_) * a.gStride + group * a.rows + channel;
  }

  // Copies the next pixels to `stage`.
  __device__ __forceinline__ void issue(const GradientArguments& a, char* stage) {
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const int row = pixel_ + i * kStep;
      if (kSpare && (pixel_ >= kStep || row >= Tile::kPixels)) break;
      copyPiece<T, Tile::kPieces>(stage + Rows::offset(row, piece_), from_ + i * kStep * a.gStride,
                                  i * kStep < left_ ? numbers_ : 0);
    }
    from_ += Tile::kPixels * a.gStride;
    left_ -= Tile::kPixels;
  }

 private:
  const G* from_;
  int pixel_, piece_, numbers_, left_;
};

// x under the window at the same pixels: a tile's terms. The output pixels that a thread has follow each
// other at equal distances, also from stage to stage, so it goes from one to the next without a division.
template <class Tile>
class WindowCopy {
 public:
  using T = typename Tile::T;
  using X = typename Tile::X;
  using Rows = SharedPixels<T, Tile::kColumns>;
  static constexpr int kStep = Tile::kThreads / Rows::kPieces;
  static_assert(Tile::kThreads % Rows::kPieces == 0 && Tile::kPixels % kStep == 0);

  __device__ __forceinline__ WindowCopy(const GradientArguments& a, int first, int end, int column,
                                        int group) {
    row_ = static_cast<int>(threadIdx.x) / Rows::kPieces;
    piece_ = static_cast<int>(threadIdx.x) % Rows::kPieces;
    const int term = column + piece_ * kPieceOf<T>, tap = term / a.tapTerms, channel = term % a.tapTerms;
    numbers_ = tap < a.taps ? max(min(a.channels - channel, kPieceOf<T>), 0) : 0;
    top_ = tap / a.kernelWidth - a.padTop;
    left_ = tap % a.kernelWidth - a.padLeft;
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
      copyPiece<T, Tile::kPieces>(stage + Rows::offset(row_ + i * kStep, piece_), from_ + pixel * a.xStride,
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
  int row_, piece_, numbers_;
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
    const int stages = (end - first + Tile::kPixels - 1) / Tile::kPixels;
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
