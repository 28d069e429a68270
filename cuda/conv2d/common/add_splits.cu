#include <limits>

#include "cuda/common/device.cuh"
#include "cuda/conv2d/common/add_splits.cuh"
#include "cuda/conv2d/common/split_sums.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksPerSm = 4;  // leaves 64 registers per thread

struct Arguments {
  SplitSums splits;
  int count;
  ConvEpilogue epilogue;
  int octets;  // of neighbouring channels of a pixel and group
  int maxout;
  const float* bias;  // of the columns that maxout chooses from
};

// The largest of a channel's columns.
__device__ __forceinline__ float largestOf(const Arguments& a, int channel, int64_t pixel) {
  float largest = -INFINITY;
  for (int column = channel * a.maxout; column < (channel + 1) * a.maxout; ++column) {
    float sum = 0.f;
    for (int split = 0; split < a.count; ++split) sum += a.splits.at(split, 0, pixel)[column];
    largest = fmaxf(largest, a.bias ? sum + a.bias[column] : sum);
  }
  return largest;
}

// A thread has eight neighbouring channels of a pixel.
// Registers: at most 56.
template <bool Maxout>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm) addSplitsKernel(Arguments a) {
  const int64_t index = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= int64_t{a.splits.pixels} * a.octets) return;
  const int group = static_cast<int>(blockIdx.y), channel = static_cast<int>(index % a.octets) * 8;
  const int64_t pixel = index / a.octets;
  float sums[8] = {};
  if constexpr (Maxout) {
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (channel + i < a.epilogue.parts[0].end) sums[i] = largestOf(a, channel + i, pixel);
  } else {
    for (int split = 0; split < a.count; ++split) {
      float some[8];
      readRun<float>(reinterpret_cast<const char*>(a.splits.at(split, group, pixel)), channel, some);
#pragma unroll
      for (int i = 0; i < 8; ++i) sums[i] += some[i];
    }
  }
  ColumnEpilogue(a.epilogue, group, a.splits.columns, channel).store(pixel, sums);
}

}  // namespace

SplitSums splitSums(const ConvCall& call) {
  FACENET_ASSERT(call.pixels() <= std::numeric_limits<int>::max());
  return {static_cast<float*>(call.scratch), static_cast<int>(call.weights.groups),
          static_cast<int>(call.pixels()), static_cast<int>(call.weights.columns)};
}

int64_t splitBytes(int64_t groups, int64_t pixels, int64_t columns, int splits) {
  return splits * groups * pixels * columns * 4;
}

void addSplits(const ConvCall& call, int splits, cudaStream_t stream) {
  FACENET_ASSERT(call.scratch);
  Arguments a{splitSums(call), splits, epilogueOf(call), 0, static_cast<int>(call.maxout), nullptr};
  a.octets = ceilDivide(call.maxout > 1 ? a.epilogue.parts[0].end : a.splits.columns, 8);
  const int64_t threads = int64_t{a.splits.pixels} * a.octets;
  const dim3 grid(static_cast<unsigned>(ceilDivide(threads, kThreads)),
                  static_cast<unsigned>(a.splits.groups));
  if (call.maxout == 1) return launch<addSplitsKernel<false>>(grid, kThreads, 0, stream, a);
  a.bias = a.epilogue.bias;
  a.epilogue.bias = nullptr;
  launch<addSplitsKernel<true>>(grid, kThreads, 0, stream, a);
}

}  // namespace facenet::cuda
