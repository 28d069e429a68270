// Sums of triplets over a block's threads and over blocks, in a fixed order.
#pragma once

#include "cuda/common/block_reduction.cuh"
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

__device__ __forceinline__ TripletSums shuffleXor(const TripletSums& sums, int bits) {
  return {shuffleXor(sums.loss, bits), shuffleXor(sums.positiveDistances, bits),
          shuffleXor(sums.negativeDistances, bits), shuffleXor(sums.triplets, bits),
          shuffleXor(sums.active, bits)};
}

// For thread 0. The whole block calls it once.
template <int Threads>
__device__ __forceinline__ TripletSums sumOfBlock(const TripletSums& sums) {
  return blockReduce<Threads>(sums, [](TripletSums a, const TripletSums& b) {
    addTo(a, b);
    return a;
  });
}

// *sums = the sum of `count` partial ones. Asynchronous on `stream`.
void addTripletSums(const TripletSums* partial, int64_t count, TripletSums* sums, cudaStream_t stream);

}  // namespace facenet::cuda
