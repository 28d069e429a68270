// A stem's arguments, and the part of the image that a block's tile sees, in shared memory.
#pragma once

#include "cuda/common/device.cuh"
#include "cuda/common/warp.cuh"
#include "cuda/conv2d/common/epilogue.cuh"

namespace facenet::cuda {

constexpr int kStemThreads = 128, kStemWarps = kStemThreads / kWarpSize;
constexpr int kStemWidth = 16;  // output pixels of a tile's row

struct StemArguments {
  // The image
  const void* x;
  int height, width, channels, xStride;
  unsigned perChannel;  // element * perChannel >> 16 == element / channels
  bool grey;
  int order[3];
  float mean[3], scale[3];
  // The window, and what it sees of a row: `rowTerms` numbers, of which `windowTerms` exist
  int kernelHeight, strideHeight, strideWidth, padTop, padLeft;
  int rowTerms, windowTerms;
  // The patch: rows `pitch` words apart, filled as far as whole warps of words go; rowNumbers numbers exist. Words of
  // two-byte numbers also lie `shifted` words further on, one number later; 0: they do not.
  int patchRows, rowNumbers, pitch, shifted;
  // The product
  const void* weight;
  int columns, terms;
  int tiles, tilesAcross, tilesDown;  // tiles: of all images
  int outHeight, outWidth;
  ConvEpilogue epilogue;
};

// The network's channel c of a pixel.
template <class X>
__device__ __forceinline__ float channelOf(const StemArguments& a, const X* pixel, int c) {
  if constexpr (sizeof(X) == 1) {
    const auto byte = [&](int i) { return static_cast<float>(pixel[i]); };
    const auto of = [&](const auto(&three)[3]) { return c == 0 ? three[0] : c == 1 ? three[1] : three[2]; };
    const float value = a.grey ? 0.299f * byte(0) + 0.587f * byte(1) + 0.114f * byte(2) : byte(of(a.order));
    return (value - of(a.mean)) * of(a.scale);
  } else {
    float number[1];
    unpack(pixel[c], number);
    return number[0];
  }
}

// One row of the patch: number e is channel e % channels of pixel left + e / channels.
template <class X>
class PatchRow {
 public:
  __device__ __forceinline__ PatchRow(const StemArguments& a, int image, int y, int left)
      : a_(a),
        row_(static_cast<const X*>(a.x) + (int64_t{image} * a.height + y) * a.width * a.xStride),
        left_(left),
        inside_(y >= 0 && y < a.height) {}

  // Zero outside the image, and behind the row's last number.
  __device__ __forceinline__ float operator[](int e) const {
    const int pixel = static_cast<int>(static_cast<unsigned>(e) * a_.perChannel >> 16), x = left_ + pixel;
    if (!inside_ || x < 0 || x >= a_.width || e >= a_.rowNumbers) return 0.f;
    return channelOf(a_, row_ + int64_t{x} * a_.xStride, e - pixel * a_.channels);
  }

 private:
  const StemArguments& a_;
  const X* row_;
  int left_;
  bool inside_;
};

// Fills the patch whose first pixel is (top, left) of the image. A warp takes one row at a time.
template <class T, class X>
__device__ __forceinline__ void fillPatch(const StemArguments& a, int image, int top, int left,
                                          uint32_t* patch) {
  for (int r = warpOf(); r < a.patchRows; r += kStemWarps) {
    const PatchRow<X> row(a, image, top + r, left);
    for (int first = 0; first + kWarpSize <= a.pitch; first += kWarpSize) {
      const int word = first + laneOf();
      uint32_t* const to = patch + r * a.pitch + word;
      if constexpr (sizeof(T) == 4) {
        *to = __float_as_uint(row[word]);
      } else {
        constexpr Element<T> element{};
        const float second = row[2 * word + 1];
        *to = ptx::pairOf(element, row[2 * word], second);
        if (a.shifted) to[a.shifted] = ptx::pairOf(element, second, row[2 * word + 2]);
      }
    }
  }
}

}  // namespace facenet::cuda
