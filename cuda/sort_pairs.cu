#include "cuda/triplet_mining.cuh"
#include "cuda/triplet_pairs.cuh"

namespace facenet::cuda {
namespace {

// How many pairs of a sorted run are nearer than a distance, or as near where `equalToo`.
__device__ __forceinline__ int countBefore(const float* distances, const int32_t* run, int count,
                                           unsigned distance, bool equalToo) {
  if (count == 0) return 0;
  return countWhile(count, [&](int i) {
    const unsigned other = __float_as_uint(distances[run[i]]);
    return other < distance || (equalToo && other == distance);
  });
}

__device__ __forceinline__ void swap(int32_t*& a, int32_t*& b) {
  int32_t* const old = a;
  a = b;
  b = old;
}

// One warp per anchor: runs of 32 pairs are sorted by rank, then neighbouring runs merged, where the place of a pair is its
// place in its own run and what comes before it in the other: O(p log^2 p) for p pairs. Of equal pairs the first stays
// the first. Bits order as the distances do, and give NaN a place too. Passes go to and fro between the two results,
// whose elements are of one size; the last ends in `order`.
// Registers: at most 40.
__global__ void __launch_bounds__(kTileThreads)
    sortPairsKernel(Anchors anchors, const float* distances, int32_t* sorted, int32_t* order) {
  const int64_t position = positionOfWarp(anchors);
  if (position < 0) return;
  const PairsOf pairs(anchors, position);
  const int count = pairs.count;
  const float* const of = distances + pairs.first;
  int32_t *from = order + pairs.first, *to = sorted + pairs.first;
  for (int run = kWarpSize; run < count; run *= 2) swap(from, to);
  for (int i = laneOf(); i < count; i += kWarpSize) {
    const unsigned own = __float_as_uint(of[i]);
    const int begin = i - i % kWarpSize, end = min(begin + kWarpSize, count);
    int place = begin;
    for (int j = begin; j < end; ++j) {
      const unsigned other = __float_as_uint(of[j]);
      place += other < own || (other == own && j < i);
    }
    from[place] = i;
  }
  for (int run = kWarpSize; run < count; run *= 2) {
    __syncwarp();
    for (int i = laneOf(); i < count; i += kWarpSize) {
      const int begin = i - i % (2 * run), middle = min(begin + run, count), end = min(middle + run, count);
      const unsigned own = __float_as_uint(of[from[i]]);
      const int place = i < middle
                            ? i + countBefore(of, from + middle, end - middle, own, false)
                            : i - (middle - begin) + countBefore(of, from + begin, middle - begin, own, true);
      to[place] = from[i];
    }
    swap(from, to);
  }
  __syncwarp();
  for (int i = laneOf(); i < count; i += kWarpSize)
    to[i] = static_cast<int32_t>(__float_as_uint(of[from[i]]));
}

}  // namespace

void sortPairs(const Anchors& anchors, const float* distances, float* sorted, int32_t* order,
               cudaStream_t stream) {
  if (anchors.count == 0) return;
  launch<sortPairsKernel>(warpBlocks(anchors), kTileThreads, 0, stream, anchors, distances,
                          reinterpret_cast<int32_t*>(sorted), order);
}

}  // namespace facenet::cuda
