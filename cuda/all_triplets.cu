#include "cuda/all_triplets.cuh"
#include "cuda/distance_rows.cuh"
#include "cuda/triplet_sums.cuh"

namespace facenet::cuda {
namespace {

constexpr int kAnchors = 16;  // of a block
// A thread sums a dimension of so many rows.
constexpr int kRowsPerThread = 8, kDimensionsAtOnce = kTileThreads * kRowsPerThread / kAnchors;

__device__ __forceinline__ int countOf(const AllTriplets& all, int64_t position, int64_t other) {
  const PairsOf pairs(all.anchors, position);
  return all.counts[pairs.first + pairs.indexOf(other)];
}

// c(i, i): the triplets that a row is the positive of, less those that it is the negative of.
__device__ int countOfItself(const AllTriplets& all, const PairsOf& pairs) {
  int count = -all.ofNegatives[all.anchors.groups.rows[pairs.position]];
  for (int i = 0; i < pairs.count; ++i) count += countOf(all, pairs.positionOf(i), pairs.position);
  return count;
}

// c(i, j) for rows of two labels: triplets with the one as anchor and the other as negative. Those of the anchor
// in `pairs` are added to the sums.
__device__ __forceinline__ int countOfOthers(const AllTriplets& all, const PairsOf& pairs, int64_t other,
                                             float distance, TripletSums& sums) {
  const float* sorted = all.sorted + pairs.first;
  const int inactive = inactivePairs(sorted, pairs.count, all.margin, distance);
  for (int i = inactive; i < pairs.count; ++i) {
    const float hinge = (sorted[i] + all.margin) - distance;
    sums.loss += hinge;
    sums.negativeDistances += distance;
  }
  const PairsOf ofOther(all.anchors, other);
  return pairs.count - inactive + ofOther.count -
         inactivePairs(all.sorted + ofOther.first, ofOther.count, all.margin, distance);
}

__device__ __forceinline__ void addPairs(const AllTriplets& all, const PairsOf& pairs, TripletSums& sums) {
  for (int i = laneOf(); i < pairs.count; i += kWarpSize) {
    const int count = all.counts[pairs.first + i];
    sums.triplets += count, sums.active += count;
    sums.positiveDistances += static_cast<double>(count) * all.distances[pairs.first + i];
  }
}

// Adds the rows of a tile, each times its count, to the sums of 16 anchors: a chain over all columns.
__device__ __forceinline__ void addColumns(const AllTriplets& all, const float* counts, int stride,
                                           int64_t first, int64_t column, int columns, float* gradient) {
  const int dimensions = all.anchors.dimensions;
  const int own = static_cast<int>(threadIdx.x) / kDimensionsAtOnce * kRowsPerThread;
  const int rows = static_cast<int>(min(all.anchors.n - first - own, int64_t{kRowsPerThread}));
  const bool last = column + columns == all.anchors.n;
  const float share = 1 / static_cast<float>(all.total);
  for (int k = static_cast<int>(threadIdx.x) % kDimensionsAtOnce; k < dimensions; k += kDimensionsAtOnce) {
    const auto out = [&](int i) -> float& {
      return gradient[int64_t{all.anchors.groups.rows[first + own + i]} * dimensions + k];
    };
    float sums[kRowsPerThread];
#pragma unroll
    for (int i = 0; i < kRowsPerThread; ++i) sums[i] = column > 0 && i < rows ? out(i) : 0;
    const float* x = all.anchors.x + column * dimensions + k;
#pragma unroll 2
    for (int j = 0; j < columns; ++j) {
      const float value = x[int64_t{j} * dimensions];
#pragma unroll
      for (int i = 0; i < kRowsPerThread; ++i) sums[i] = fmaf(counts[(own + i) * stride + j], value, sums[i]);
    }
#pragma unroll
    for (int i = 0; i < kRowsPerThread; ++i)
      if (i < rows) out(i) = last ? sums[i] * 2 * share : sums[i];
  }
}

// Registers: at most 128.
template <int Bytes>
__global__ void __launch_bounds__(kTileThreads, 2) allTripletsKernel(AllTriplets all, float* gradient) {
  using Rows = DistanceRows<1, Bytes>;
  static_assert(Rows::kRows == kAnchors);
  const Anchors& anchors = all.anchors;
  Rows rows(dynamicShared());
  const int64_t first = int64_t{blockIdx.x} * kAnchors;
  TripletSums sums{};
  for (int64_t position = first + 2 * warpOf(); position < min(first + 2 * warpOf() + 2, anchors.n);
       ++position)
    addPairs(all, PairsOf(anchors, position), sums);
  rows.forEach(
      anchors, first, 0, anchors.n,
      [&](const PairsOf& pairs, const ColumnsOfTile& columns) {
        for (int column = laneOf(); column < columns.count; column += kWarpSize) {
          const int64_t other = columns.positions[column];
          int count;
          if (other == pairs.position)
            count = countOfItself(all, pairs);
          else if (other >= pairs.begin && other < pairs.end)
            count = -countOf(all, pairs.position, other) - countOf(all, other, pairs.position);
          else
            count = countOfOthers(all, pairs, other, columns.distances[column], sums);
          columns.distances[column] = static_cast<float>(count);  // from here on counts are there
        }
      },
      [&](int64_t column, int columns) {
        __syncthreads();
        addColumns(all, Rows::distancesIn(dynamicShared()), Rows::kStride, first, column, columns, gradient);
      });
  const TripletSums total = sumOfBlock<kTileThreads>(sums);
  if (threadIdx.x == 0) all.partial[blockIdx.x] = total;
}

}  // namespace

int64_t allTripletBlocks(int64_t n) {
  return ceilDivide(n, kAnchors);
}

void allTripletGradient(const AllTriplets& all, float* gradient, cudaStream_t stream) {
  const auto run = [&]<int Bytes>(std::integral_constant<int, Bytes>) {
    launch<allTripletsKernel<Bytes>>(static_cast<unsigned>(allTripletBlocks(all.anchors.n)), kTileThreads,
                                     DistanceRows<1, Bytes>::kSharedBytes, stream, all, gradient);
  };
  if (rowsPack(all.anchors.x, all.anchors.dimensions))
    run(std::integral_constant<int, 16>());
  else
    run(std::integral_constant<int, 4>());
  addTripletSums(all.partial, allTripletBlocks(all.anchors.n), all.sums, stream);
}

}  // namespace facenet::cuda
