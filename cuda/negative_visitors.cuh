// What mining does with the distances of an anchor to the rows of a tile: row(), by a warp. begin() comes before all of
// a block's tiles and end() after them, both by the whole block.
#pragma once

#include "cuda/distance_rows.cuh"

namespace facenet::cuda {

__device__ __forceinline__ void lower(DistanceKey* least, DistanceKey key) {
  if (key < loadAtomic(least)) atomicMin(least, key);
}

// The nearest negative of an anchor that has positives.
struct Nearest {
  DistanceKey* nearest;  // of each anchor

  __device__ void begin(const Anchors& anchors, int64_t, char*) { nearest -= anchors.first; }
  __device__ void end() {}
  __device__ void row(const PairsOf& pairs, const ColumnsOfTile& columns) {
    if (pairs.count == 0) return;
    DistanceKey least = kNoKey;
    columns.forNegatives(pairs,
                         [&](int column, float distance) { least = min(least, keyOf(distance, column)); });
    least = warpReduce(least, [](DistanceKey a, DistanceKey b) { return min(a, b); });
    if (laneOf() == 0 && least != kNoKey) lower(nearest + pairs.position, least);
  }
};

// For each of an anchor's pairs by rank the nearest negative that is farther than this pair's positive and none
// of those that follow. Where that is beyond the margin of the rank, it is so for all ranks before and left out.
template <bool Shared>
struct NearestAbove {
  float margin;
  const float* sorted;
  DistanceKey* nearest;
  BlockPairs<DistanceKey, Shared> own;

  __device__ void begin(const Anchors& anchors, int64_t position, char* memory) {
    own.begin(anchors, position, memory, sorted, nearest, kNoKey);
  }
  __device__ void row(const PairsOf& pairs, const ColumnsOfTile& columns) {
    if (pairs.count == 0) return;
    const float* distances = own.sorted + (pairs.first - own.first);
    DistanceKey* keys = own.values + (pairs.first - own.first);
    columns.forNegatives(pairs, [&](int column, float distance) {
      const int below = countWhile(pairs.count, [&](int i) { return distances[i] < distance; });
      if (below > 0 && distance < distances[below - 1] + margin)
        lower(keys + below - 1, keyOf(distance, column));
    });
  }
  __device__ void end() {
    own.end([](DistanceKey key, DistanceKey* to) {
      if (key != kNoKey) lower(to, key);
    });
  }
};

// For each of an anchor's pairs by rank how many negatives have a hinge above zero with it and none before.
template <bool Shared>
struct Histogram {
  float margin;
  const float* sorted;
  int32_t* histogram;
  int32_t* ofNegatives;  // or null
  BlockPairs<int32_t, Shared> own;

  __device__ void begin(const Anchors& anchors, int64_t position, char* memory) {
    own.begin(anchors, position, memory, sorted, histogram, 0);
  }
  __device__ void row(const PairsOf& pairs, const ColumnsOfTile& columns) {
    if (pairs.count == 0) return;
    const float* distances = own.sorted + (pairs.first - own.first);
    int32_t* counts = own.values + (pairs.first - own.first);
    columns.forNegatives(pairs, [&](int column, float distance) {
      const int inactive = inactivePairs(distances, pairs.count, margin, distance);
      if (inactive == pairs.count) return;
      atomicAdd(counts + inactive, 1);
      if (ofNegatives) atomicAdd(ofNegatives + column, pairs.count - inactive);
    });
  }
  __device__ void end() {
    own.end([](int32_t count, int32_t* to) {
      if (count != 0) atomicAdd(to, count);
    });
  }
};

}  // namespace facenet::cuda
