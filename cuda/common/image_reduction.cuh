// Kernels that reduce whole images: a group of threads, a warp or a block, has one image at a time, and keeps what it
// reads of it in registers.
#pragma once

#include <limits>

#include "cuda/common/block_reduction.cuh"
#include "cuda/common/pixel_grid.cuh"

namespace facenet::cuda {

constexpr int kImageThreads = 256;  // of a block
// A thread keeps so many packs of its image in registers; what is beyond is read twice, from the caches.
constexpr int kHeldPacks = 4;
constexpr int64_t kMaxImageBlocks = 65535;

// Packs of N numbers of an image: `groups` per pixel, of which the last may be cut short.
struct ImagePacks {
  int64_t packs;
  unsigned groups;
  int channels;
};

// Where pack `index` of an image lies, and how many of its numbers count.
template <int N>
struct ImagePack {
  int64_t offset;
  int valid;
  __device__ __forceinline__ ImagePack(const ImagePacks& image, int64_t index, int64_t stride) {
    const int64_t pixel = image.groups == 1 ? index : static_cast<unsigned>(index) / image.groups;
    const int channel = static_cast<int>(index - pixel * image.groups) * N;
    offset = pixel * stride + channel;
    valid = min(image.channels - channel, N);
  }
};

// The sum over the threads that share an image.
template <bool WholeBlock>
__device__ __forceinline__ float imageSum(float value) {
  if constexpr (WholeBlock)
    return blockSum<kImageThreads>(value);
  else
    return warpSum(value);
}

// A launch over the images of x, N numbers per pack: one block per image, or one warp where that can hold it.
template <int N>
struct ImageLaunch {
  ImagePacks image;
  bool wholeBlock;
  unsigned blocks;

  explicit ImageLaunch(const View& x) {
    const int64_t groups = ceilDivide(x.shape.channels, N), packs = x.shape.pixels() * groups;
    FACENET_ASSERT(packs <= std::numeric_limits<int>::max());
    image = {packs, static_cast<unsigned>(groups), static_cast<int>(x.shape.channels)};
    wholeBlock = packs > kHeldPacks * kWarpSize;
    const int64_t images = wholeBlock ? 1 : kImageThreads / kWarpSize;  // of a block
    blocks = static_cast<unsigned>(std::min(ceilDivide(x.count, images), kMaxImageBlocks));
  }
};

}  // namespace facenet::cuda
