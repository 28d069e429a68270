// Warps: who a thread is, and what the lanes of a warp compute together. All lanes call these functions.
#pragma once

#include <cuda_runtime.h>

namespace facenet::cuda {

constexpr int kWarpSize = 32;
constexpr unsigned kAllLanes = ~0u;

__device__ __forceinline__ int laneOf() {
  return static_cast<int>(threadIdx.x) % kWarpSize;
}
__device__ __forceinline__ int warpOf() {
  return static_cast<int>(threadIdx.x) / kWarpSize;
}
// The lanes before this one, as a mask.
__device__ __forceinline__ unsigned lanesBefore() {
  return (1u << laneOf()) - 1;
}

// The value of the lane whose number differs in `bits`. Types of several words have an overload of their own.
template <class T>
__device__ __forceinline__ T shuffleXor(T value, int bits) {
  return __shfl_xor_sync(kAllLanes, value, bits);
}

// combine(a, b) over all lanes, in every lane, for a commutative `combine`. The tree is always the same: lanes 16
// apart, then 8, 4, 2 and 1.
template <class T, class Combine>
__device__ __forceinline__ T warpReduce(T value, Combine combine) {
#pragma unroll
  for (int bits = kWarpSize / 2; bits > 0; bits /= 2) value = combine(value, shuffleXor(value, bits));
  return value;
}
template <class T>
__device__ __forceinline__ T warpSum(T value) {
  return warpReduce(value, [](T a, T b) { return a + b; });
}

// The sum over this lane and those before it.
__device__ __forceinline__ int warpInclusiveSum(int value) {
#pragma unroll
  for (int distance = 1; distance < kWarpSize; distance *= 2) {
    const int before = __shfl_up_sync(kAllLanes, value, distance);
    if (laneOf() >= distance) value += before;
  }
  return value;
}

}  // namespace facenet::cuda
