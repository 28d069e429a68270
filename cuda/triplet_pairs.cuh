// How the kernels of triplets find an anchor and its pairs.
#pragma once

#include "cuda/distance_tile.cuh"
#include "cuda/triplet_mining.cuh"

namespace facenet::cuda {

constexpr int kWarp = 32;

__device__ __forceinline__ int laneOf() {
  return static_cast<int>(threadIdx.x) % kWarp;
}
__device__ __forceinline__ int warpOf() {
  return static_cast<int>(threadIdx.x) / kWarp;
}

// Of kernels with a warp an anchor; -1: the warp has none.
__device__ __forceinline__ int64_t placeOfWarp(const Anchors& anchors) {
  const int64_t index = int64_t{blockIdx.x} * (kTileThreads / kWarp) + warpOf();
  return index < anchors.count ? anchors.first + index : -1;
}

// The pairs of the anchor at a place: with every other place of its label, [begin, end).
struct PairsOf {
  int64_t place, begin, end;
  int64_t first;  // its first pair
  int count;

  __device__ __forceinline__ PairsOf(const Anchors& anchors, int64_t place)
      : place(place),
        begin(anchors.groups.begins[place]),
        end(anchors.groups.ends[place]),
        first(anchors.groups.firstPairs[place] - anchors.firstPair),
        count(static_cast<int>(end - begin) - 1) {}

  // Of the pair with the positive at `other`, from 0; and back.
  __device__ __forceinline__ int indexOf(int64_t other) const {
    return static_cast<int>(other - begin) - (other > place ? 1 : 0);
  }
  __device__ __forceinline__ int64_t placeOf(int index) const {
    return begin + index + (begin + index >= place ? 1 : 0);
  }
};

// How many of `count` have a property that some first ones have and all others not.
template <class Property>
__device__ __forceinline__ int countWhile(int count, Property has) {
  int found = 0;
  for (int step = 1 << (31 - __clz(count)); step > 0; step /= 2)
    if (found + step <= count && has(found + step - 1)) found += step;
  return found;
}

// How many pairs have no hinge above zero with a negative at `distance`. `sorted`: their own distances.
__device__ __forceinline__ int inactivePairs(const float* sorted, int count, float margin, float distance) {
  return countWhile(count, [&](int i) { return !(distance < sorted[i] + margin); });
}

// The pairs of kMinedAnchors neighbouring anchors: what a block reads of them and what it finds, in shared memory
// where it is Shared, else where all blocks have theirs.
template <class Value, bool Shared>
struct BlockPairs {
  const float* sorted;
  Value* values;
  int64_t first;  // the pair that both begin with

  // `memory`: of the block's number of pairs, each with a value and a float. The whole block calls it.
  __device__ __forceinline__ void begin(const Anchors& anchors, int64_t place, char* memory,
                                        const float* allSorted, Value* allValues, Value initial) {
    sorted = allSorted, values = all_ = allValues, first = 0;
    if constexpr (Shared) {
      const int64_t* firsts = anchors.groups.firstPairs;
      first = firsts[place] - anchors.firstPair;
      count_ =
          static_cast<int>(firsts[min(place + kMinedAnchors, anchors.first + anchors.count)] - firsts[place]);
      values = reinterpret_cast<Value*>(memory);
      auto* own = reinterpret_cast<float*>(values + count_);
      for (int i = static_cast<int>(threadIdx.x); i < count_; i += kTileThreads)
        values[i] = initial, own[i] = allSorted[first + i];
      sorted = own;
      __syncthreads();
    }
  }
  // flush(value, where all blocks have theirs) of each.
  template <class Flush>
  __device__ __forceinline__ void end(Flush flush) const {
    if constexpr (Shared) {
      __syncthreads();
      for (int i = static_cast<int>(threadIdx.x); i < count_; i += kTileThreads)
        flush(values[i], all_ + first + i);
    }
  }

  Value* all_;
  int count_;
};

}  // namespace facenet::cuda
