// What mining does with the distances of an anchor to the rows of a tile: row(), by a warp. begin() comes before all of
// a block's tiles and end() after them, both by the whole block.
#pragma once

#include "cuda/distance_rows.cuh"

namespace facenet::cuda {

__device__ __forceinline__ TripletKey keyOf(float distance, int row) {
  return TripletKey{__float_as_uint(distance)} << 32 | static_cast<unsigned>(row);
}
__device__ __forceinline__ void lower(TripletKey* least, TripletKey key) {
  if (key < loadAtomic(least)) atomicMin(least, key);
}

// The nearest negative of an anchor that has positives.
struct Nearest {
  TripletKey* nearest;  // of each anchor

  __device__ void begin(const Anchors& anchors, int64_t, char*) { nearest -= anchors.first; }
  __device__ void end() {}
  __device__ void row(const PairsOf& pairs, const ColumnsOfTile& columns) {
    if (pairs.count == 0) return;
    TripletKey least = kNoTriplet;
    columns.forNegatives(pairs,
                         [&](int column, float distance) { least = min(least, keyOf(distance, column)); });
    for (int bits = kWarp / 2; bits > 0; bits /= 2) least = min(least, __shfl_xor_sync(~0u, least, bits));
    if (laneOf() == 0 && least != kNoTriplet) lower(nearest + pairs.place, least);
  }
};

// For each of an anchor's pairs by rank the nearest negative that is farther than this pair's positive and none
// of those that follow. Where that is beyond the margin of the rank, it is so for all ranks before and left out.
template <bool Shared>
struct NearestAbove {
  float margin;
  const float* sorted;
  TripletKey* nearest;
  BlockPairs<TripletKey, Shared> own;

  __device__ void begin(const Anchors& anchors, int64_t place, char* memory) {
    own.begin(anchors, place, memory, sorted, nearest, kNoTriplet);
  }
  __device__ void row(const PairsOf& pairs, const ColumnsOfTile& columns) {
    if (pairs.count == 0) return;
    const float* distances = own.sorted + (pairs.first - own.first);
    TripletKey* keys = own.values + (pairs.first - own.first);
    columns.forNegatives(pairs, [&](int column, float distance) {
      const int below = countWhile(pairs.count, [&](int i) { return distances[i] < distance; });
      if (below > 0 && distance < distances[below - 1] + margin)
        lower(keys + below - 1, keyOf(distance, column));
    });
  }
  __device__ void end() {
    own.end([](TripletKey key, TripletKey* to) {
      if (key != kNoTriplet) lower(to, key);
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

  __device__ void begin(const Anchors& anchors, int64_t place, char* memory) {
    own.begin(anchors, place, memory, sorted, histogram, 0);
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
