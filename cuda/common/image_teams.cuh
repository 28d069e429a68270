// Kernels that reduce whole images: a team of threads, a warp or a block, has an image at a time, and keeps
// what it reads of it in registers.
#pragma once

#include <limits>

#include "cuda/common/channels.cuh"

namespace facenet::cuda {

constexpr int kTeamLanes = 32;
constexpr int kTeamThreads = 256;  // of a block
constexpr int kTeamWarps = kTeamThreads / kTeamLanes;
// A thread keeps so many packs of its image in registers; what is beyond is read twice, from the caches.
constexpr int kHeld = 4;
constexpr int64_t kMaxTeamBlocks = 65535;

// Packs of N numbers of an image: `groups` a pixel, of which the last may be cut short.
struct ImagePacks {
  int64_t packs;
  unsigned groups;
  int channels;
};

__device__ __forceinline__ float warpSum(float value) {
  for (int distance = kTeamLanes / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(~0u, value, distance);
  return value;
}

struct TeamSums {
  float ofWarp[kTeamWarps];
};

// The sum over all threads of the block, in every thread. The order of additions is fixed.
__device__ __forceinline__ float blockSum(float value) {
  float(&partial)[kTeamWarps] = shared<TeamSums>().ofWarp;
  const int lane = threadIdx.x % kTeamLanes, warp = threadIdx.x / kTeamLanes;
  value = warpSum(value);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = warpSum(lane < kTeamWarps ? partial[lane] : 0.f);
  __syncthreads();  // `partial` is free for the block's next image
  return value;
}

// Where pack `index` of an image lies, and how many of its numbers count.
template <int N>
struct PackPlace {
  int64_t offset;
  int valid;
  __device__ __forceinline__ PackPlace(const ImagePacks& image, int64_t index, int64_t stride) {
    const int64_t pixel = image.groups == 1 ? index : static_cast<unsigned>(index) / image.groups;
    const int channel = static_cast<int>(index - pixel * image.groups) * N;
    offset = pixel * stride + channel;
    valid = min(image.channels - channel, N);
  }
};

// What a launch over the images of x takes, N numbers a pack: a block an image, or a warp where that holds
// it.
template <int N>
struct TeamLaunch {
  ImagePacks image;
  bool wholeBlock;
  unsigned blocks;

  explicit TeamLaunch(const View& x) {
    const int64_t groups = (x.shape.channels + N - 1) / N, packs = x.shape.pixels() * groups;
    FACENET_ASSERT(packs <= std::numeric_limits<int>::max());
    image = {packs, static_cast<unsigned>(groups), static_cast<int>(x.shape.channels)};
    wholeBlock = packs > kHeld * kTeamLanes;
    const int64_t teams = wholeBlock ? 1 : kTeamWarps;
    blocks = static_cast<unsigned>(std::min((x.count + teams - 1) / teams, kMaxTeamBlocks));
  }
};

}  // namespace facenet::cuda
