// How the kernels of triplets find an anchor and its pairs.
#pragma once

#include "cuda/common/warp.cuh"
#include "cuda/distance_tile.cuh"
#include "cuda/triplet_mining.cuh"

namespace facenet::cuda {

inline unsigned warpBlocks(const Anchors& anchors) {
  return blocksOf(anchors.count, kTileThreads / kWarpSize);
}

// Of kernels with one warp per anchor; -1: the warp has none.
__device__ __forceinline__ int64_t positionOfWarp(const Anchors& anchors) {
  const int64_t index = int64_t{blockIdx.x} * (kTileThreads / kWarpSize) + warpOf();
  return index < anchors.count ? anchors.first + index : -1;
}

// The pairs of the anchor at a position: with every other position of its label, [begin, end).
struct PairsOf {
  int64_t position, begin, end;
  int64_t first;  // its first pair
  int count;

  __device__ __forceinline__ PairsOf(const Anchors& anchors, int64_t position)
      : position(position),
        begin(anchors.groups.begins[position]),
        end(anchors.groups.ends[position]),
        first(anchors.groups.firstPairs[position] - anchors.firstPair),
        count(static_cast<int>(end - begin) - 1) {}

  // Of the pair with the positive at `other`, from 0; and back.
  __device__ __forceinline__ int indexOf(int64_t other) const {
    return static_cast<int>(other - begin) - (other > position ? 1 : 0);
  }
  __device__ __forceinline__ int64_t positionOf(int index) const {
    return begin + index + (begin + index >= position ? 1 : 0);
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
  __device__ __forceinline__ void begin(const Anchors& anchors, int64_t position, char* memory,
                                        const float* allSorted, Value* allValues, Value initial) {
    sorted = allSorted, values = all_ = allValues, first = 0;
    if constexpr (Shared) {
      const int64_t* firsts = anchors.groups.firstPairs;
      first = firsts[position] - anchors.firstPair;
      count_ = static_cast<int>(firsts[min(position + kMinedAnchors, anchors.first + anchors.count)] -
                                firsts[position]);
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
