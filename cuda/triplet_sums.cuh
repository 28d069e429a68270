// Sums of triplets over a block's threads and over blocks, in a fixed order.
#pragma once

#include "cuda/triplet_loss.cuh"
#include "cuda/triplet_pairs.cuh"

namespace facenet::cuda {

__device__ __forceinline__ void addTo(TripletSums& sums, const TripletSums& others) {
  sums.loss += others.loss;
  sums.positiveDistances += others.positiveDistances;
  sums.negativeDistances += others.negativeDistances;
  sums.triplets += others.triplets;
  sums.active += others.active;
}

__device__ __forceinline__ TripletSums sumOfWarp(TripletSums sums) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const TripletSums others{
        __shfl_down_sync(~0u, sums.loss, distance), __shfl_down_sync(~0u, sums.positiveDistances, distance),
        __shfl_down_sync(~0u, sums.negativeDistances, distance),
        __shfl_down_sync(~0u, sums.triplets, distance), __shfl_down_sync(~0u, sums.active, distance)};
    addTo(sums, others);
  }
  return sums;
}

template <int Threads>
struct SumsOfWarps {
  TripletSums of[Threads / kWarp];
};

// For thread 0. The whole block calls it once.
template <int Threads>
__device__ __forceinline__ TripletSums sumOfBlock(const TripletSums& sums) {
  TripletSums total = sumOfWarp(sums);
  TripletSums* ofWarps = shared<SumsOfWarps<Threads>>().of;
  if (laneOf() == 0) ofWarps[warpOf()] = total;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int warp = 1; warp < Threads / kWarp; ++warp) addTo(total, ofWarps[warp]);
  return total;
}

// *sums = the sum of `count` partial ones. Asynchronous on `stream`.
void addTripletSums(const TripletSums* partial, int64_t count, TripletSums* sums, cudaStream_t stream);

}  // namespace facenet::cuda
