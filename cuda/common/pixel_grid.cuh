// How kernels that treat every pixel alike are laid over Views. A thread has N neighbouring channels, 16 bytes of
// them where memory allows it, and a few pixels; what belongs to the channels is read once for all of these.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/common/device.cuh"
#include "cuda/common/types.cuh"
#include "cuda/common/vectors.cuh"
#include "cuda/common/warp.cuh"
#include "native/core/integers.h"
#include "native/core/shape.h"

namespace facenet::cuda {

constexpr int kPixelThreads = 256;
constexpr int kPixelSteps = 4;        // pixels of a thread: so many loads are under way at once
constexpr int kPixelBlocksPerSm = 4;  // leaves 64 registers per thread

// Blocks in x go down the pixels, those in y across the channels.
struct PixelGrid {
  int64_t pixels;
  int channels;
  int groups;         // of N channels that a block has
  int pixelsPerStep;  // that a block has at once
};

// What a thread of the grid has.
template <int N, int Steps = kPixelSteps>
struct PixelThread {
  int channel, valid;     // its first channel, and how many of N there are; 0: it has nothing to do
  int64_t first, stride;  // its pixels are first + step * stride
  int64_t end;

  __device__ __forceinline__ explicit PixelThread(const PixelGrid& grid) {
    const int group = static_cast<int>(threadIdx.x) % grid.groups;
    const int row = static_cast<int>(threadIdx.x) / grid.groups;
    channel = (static_cast<int>(blockIdx.y) * grid.groups + group) * N;
    valid = row < grid.pixelsPerStep ? max(min(grid.channels - channel, N), 0) : 0;
    first = int64_t{blockIdx.x} * grid.pixelsPerStep * Steps + row;
    stride = grid.pixelsPerStep;
    end = valid > 0 ? grid.pixels : 0;
  }
  __device__ __forceinline__ int64_t pixel(int step) const { return first + step * stride; }
  __device__ __forceinline__ bool has(int step) const { return pixel(step) < end; }
};

// The launch over the pixels of `view`, N channels per thread: launch<kernel>(w.blocks, w.threads, ..., w.grid).
struct PixelLaunch {
  PixelGrid grid;
  dim3 blocks;
  unsigned threads;
};
template <int N, int Steps = kPixelSteps>
PixelLaunch pixelLaunch(const View& view) {
  const int64_t all = ceilDivide(view.shape.channels, N), groups = std::min<int64_t>(all, kPixelThreads);
  const int64_t slabs = ceilDivide(all, groups);
  const int64_t rows = kPixelThreads / groups, pixels = view.count * view.shape.pixels();
  const int64_t blocks = ceilDivide(pixels, rows * Steps);
  FACENET_ASSERT(view.shape.channels <= (1 << 24) && slabs <= 65535 && blocks < (int64_t{1} << 31));
  return {{pixels, static_cast<int>(view.shape.channels), static_cast<int>(groups), static_cast<int>(rows)},
          dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(slabs)),
          static_cast<unsigned>(roundUp(groups * rows, kWarpSize))};
}

// Whether every pixel of a view can be read N numbers at a time.
template <class T, int N>
bool packs(const View& view) {
  return view.pixelStride % N == 0 && reinterpret_cast<uintptr_t>(view.data) % (N * sizeof(T)) == 0;
}

// Numbers a thread has at once: 16 bytes of the widest of the types it moves.
template <class... T>
constexpr int kPackedChannels = ((sizeof(T) == 2) && ...) ? 8 : 4;

}  // namespace facenet::cuda
