// Reductions over the threads of a block, in a fixed order: the tree of warpReduce, then warps as said below.
#pragma once

#include "cuda/common/device.cuh"
#include "cuda/common/warp.cuh"

namespace facenet::cuda {

// One value per warp, in shared memory.
template <class T, int Threads>
struct WarpValues {
  T of[Threads / kWarpSize];
};

// combine over all threads, in thread 0, warps in ascending order. The whole block calls it, once per kernel and
// type: nothing waits until thread 0 has read.
template <int Threads, class T, class Combine>
__device__ __forceinline__ T blockReduce(T value, Combine combine) {
  T* const ofWarps = shared<WarpValues<T, Threads>>().of;
  value = warpReduce(value, combine);
  if (laneOf() == 0) ofWarps[warpOf()] = value;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int warp = 1; warp < Threads / kWarpSize; ++warp) value = combine(value, ofWarps[warp]);
  return value;
}

// combine over all threads, in every thread, by a second tree over the warps. `identity` changes nothing it is combined with. The
// whole block calls it, any number of times.
template <int Threads, class T, class Combine>
__device__ __forceinline__ T blockReduceAll(T value, T identity, Combine combine) {
  T* const ofWarps = shared<WarpValues<T, Threads>>().of;
  value = warpReduce(value, combine);
  if (laneOf() == 0) ofWarps[warpOf()] = value;
  __syncthreads();
  value = warpReduce(laneOf() < Threads / kWarpSize ? ofWarps[laneOf()] : identity, combine);
  __syncthreads();  // the next call may overwrite the warps' values
  return value;
}
template <int Threads>
__device__ __forceinline__ float blockSum(float value) {
  return blockReduceAll<Threads>(value, 0.f, [](float a, float b) { return a + b; });
}

}  // namespace facenet::cuda
