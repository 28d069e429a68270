#include <algorithm>

#include "cuda/distance_rows.cuh"
#include "cuda/negative_visitors.cuh"
#include "cuda/triplet_mining.cuh"

namespace facenet::cuda {
namespace {

// Rows of a thread of the tiles that go over all columns, and of those over one label's.
constexpr int kMinedRows = kMinedAnchors / 16, kPairRows = 1;
constexpr int kBlocksPerSm = 2;  // leaves 128 registers per thread
// A block keeps so many pairs in shared memory, and else works in global memory.
constexpr int64_t kMaxSharedPairs = 4096;

// Distances between 16 neighbouring positions and the positions of all their labels.
// Registers: at most 80.
template <int Bytes>
__global__ void __launch_bounds__(kTileThreads, kBlocksPerSm)
    positiveDistancesKernel(Anchors anchors, float* distances) {
  using Tile = DistanceTile<kPairRows, Bytes>;
  Tile tile(reinterpret_cast<float*>(dynamicShared()));
  const LabelGroups& groups = anchors.groups;
  const int64_t first = anchors.first + int64_t{blockIdx.x} * Tile::kRows;
  const int64_t last = min(first + Tile::kRows, anchors.first + anchors.count) - 1;
  const OrderedRows rows{anchors.x, groups.ends[last], groups.rows};  // those behind are not read
  const int64_t position = min(first + Tile::row(0), last);
  const PairsOf pairs(anchors, position);
  for (int64_t column = groups.begins[first]; column < rows.count; column += kTileColumns) {
    tile.compute(rows, first, rows, column, anchors.dimensions);
    if (first + Tile::row(0) > last) continue;
#pragma unroll
    for (int j = 0; j < Tile::kColumnsPerThread; ++j) {
      const int64_t other = column + Tile::column(j);
      if (other >= pairs.begin && other < pairs.end && other != position)
        distances[pairs.first + pairs.indexOf(other)] = tile.sums[0][j];
    }
  }
}

// One warp per anchor: the farthest positive, of equal ones the first.
// Registers: at most 40.
__global__ void __launch_bounds__(kTileThreads)
    farthestKernel(Anchors anchors, const float* distances, TripletSlots slots) {
  const int64_t position = positionOfWarp(anchors);
  if (position < 0) return;
  const PairsOf pairs(anchors, position);
  const float* of = distances + pairs.first;
  float farthest = -1;
  int at = 0;
  for (int i = laneOf(); i < pairs.count; i += kWarpSize)
    if (of[i] > farthest) farthest = of[i], at = i;
  for (int bits = kWarpSize / 2; bits > 0; bits /= 2) {
    const float other = __shfl_xor_sync(~0u, farthest, bits);
    const int otherAt = __shfl_xor_sync(~0u, at, bits);
    if (other > farthest || (other == farthest && otherAt < at)) farthest = other, at = otherAt;
  }
  if (laneOf() != 0) return;
  const int64_t slot = position - anchors.first;
  slots.anchors[slot] = anchors.groups.rows[position];
  slots.positives[slot] = pairs.count > 0 ? anchors.groups.rows[pairs.positionOf(at)] : -1;
  slots.positiveDistances[slot] = farthest;
}

// Block (part, anchors): looks through the part's columns.
// Registers: at most 128.
template <class Visitor, int Bytes>
__global__ void __launch_bounds__(kTileThreads, kBlocksPerSm)
    negativesKernel(Anchors anchors, int partColumns, Visitor visitor) {
  using Rows = DistanceRows<kMinedRows, Bytes>;
  Rows rows(dynamicShared());
  const int64_t first = anchors.first + int64_t{blockIdx.y} * Rows::kRows;
  visitor.begin(anchors, first, dynamicShared() + Rows::kSharedBytes);
  const int64_t begin = int64_t{blockIdx.x} * partColumns, end = min(begin + partColumns, anchors.n);
  rows.forEach(anchors, first, begin, end,
               [&](const PairsOf& pairs, const ColumnsOfTile& columns) { visitor.row(pairs, columns); });
  visitor.end();
}

// One warp per anchor: what NearestAbove left into slots.
// Registers: at most 48.
__global__ void __launch_bounds__(kTileThreads)
    selectKernel(Anchors anchors, SortedPairs sorted, float margin, const DistanceKey* nearest,
                 TripletSlots slots) {
  const int64_t position = positionOfWarp(anchors);
  if (position < 0) return;
  const PairsOf pairs(anchors, position);
  for (int rank = laneOf(); rank < pairs.count; rank += kWarpSize) {
    const float limit = sorted.sorted[pairs.first + rank] + margin;
    // The first negative found is the nearest: what later ranks have is farther than their positives.
    DistanceKey key = kNoKey;
    for (int i = rank; key == kNoKey && i < pairs.count && sorted.sorted[pairs.first + i] < limit; ++i)
      key = nearest[pairs.first + i];
    const int pair = sorted.order[pairs.first + rank];
    const bool valid = key != kNoKey && distanceOf(key) < limit;
    slots.anchors[pairs.first + pair] = anchors.groups.rows[position];
    slots.positives[pairs.first + pair] = anchors.groups.rows[pairs.positionOf(pair)];
    slots.negatives[pairs.first + pair] = valid ? key : kNoKey;
  }
}

// One warp per anchor: what Histogram left into counts.
// Registers: at most 40.
__global__ void __launch_bounds__(kTileThreads)
    addHistogramKernel(Anchors anchors, const int32_t* order, const int32_t* histogram, int32_t* counts,
                       unsigned long long* total) {
  const int64_t position = positionOfWarp(anchors);
  if (position < 0) return;
  const PairsOf pairs(anchors, position);
  int before = 0;
  long long sum = 0;
  for (int base = 0; base < pairs.count; base += kWarpSize) {
    const int rank = base + laneOf();
    int count = rank < pairs.count ? histogram[pairs.first + rank] : 0;
    count = warpInclusiveSum(count) + before;
    before = __shfl_sync(~0u, count, kWarpSize - 1);
    if (rank >= pairs.count) continue;
    counts[pairs.first + order[pairs.first + rank]] = count;
    sum += count;
  }
  sum = warpSum(sum);
  if (laneOf() == 0 && sum != 0) atomicAdd(total, static_cast<unsigned long long>(sum));
}

// A block has its anchors' columns from the first to the last, so that each pair's negatives come ascending.
// Registers: at most 96.
template <int Bytes>
__global__ void __launch_bounds__(kTileThreads, kBlocksPerSm)
    listAllKernel(Anchors anchors, const float* distances, float margin, unsigned long long* ends,
                  int32_t* negatives) {
  using Rows = DistanceRows<kPairRows, Bytes>;
  Rows rows(dynamicShared());
  const int64_t first = anchors.first + int64_t{blockIdx.x} * Rows::kRows;
  rows.forEach(anchors, first, 0, anchors.n, [&](const PairsOf& pairs, const ColumnsOfTile& columns) {
    for (int i = 0; i < pairs.count; ++i) {
      const float limit = distances[pairs.first + i] + margin;
      unsigned long long end = ends[pairs.first + i];
      for (int base = 0; base < columns.count; base += kWarpSize) {
        const int column = base + laneOf();
        const bool active =
            column < columns.count && columns.isNegative(pairs, column) && columns.distances[column] < limit;
        const unsigned lanes = __ballot_sync(~0u, active);
        const unsigned before = lanes & lanesBefore();
        if (active) negatives[end + __popc(before)] = static_cast<int32_t>(columns.first) + column;
        end += __popc(lanes);
      }
      if (laneOf() == 0) ends[pairs.first + i] = end;
      __syncwarp();
    }
  });
}

// Launches Kernel<..., Bytes> by the copies that the rows allow.
template <class Launch>
void withBytes(const Anchors& anchors, Launch launch) {
  if (rowsPack(anchors.x, anchors.dimensions))
    launch(std::integral_constant<int, 16>());
  else
    launch(std::integral_constant<int, 4>());
}

// Cuts the columns so that there are blocks for all multiprocessors, a few each.
template <class Visitor>
void visitNegatives(const Anchors& anchors, const Visitor& visitor, size_t pairBytes, int multiprocessors,
                    cudaStream_t stream) {
  const int64_t groups = blocksOf(anchors.count, kMinedAnchors);
  const int64_t tiles = ceilDivide(anchors.n, kTileColumns);
  const int64_t wanted = std::max<int64_t>(4 * kBlocksPerSm * multiprocessors / groups, 1);
  const int64_t tilesPerPart = ceilDivide(tiles, wanted), columns = tilesPerPart * kTileColumns;
  FACENET_ASSERT(groups <= 65535 && anchors.n < (int64_t{1} << 31) - columns);
  const dim3 grid(blocksOf(tiles, tilesPerPart), static_cast<unsigned>(groups));
  withBytes(anchors, [&]<int Bytes>(std::integral_constant<int, Bytes>) {
    using Rows = DistanceRows<kMinedRows, Bytes>;
    static_assert(Rows::kRows == kMinedAnchors);
    launch<negativesKernel<Visitor, Bytes>>(grid, kTileThreads, Rows::kSharedBytes + pairBytes, stream,
                                            anchors, static_cast<int>(columns), visitor);
  });
}

template <template <bool> class Visitor, class Value, class... Arguments>
void visitWithPairs(const Anchors& anchors, const SortedPairs& pairs, int multiprocessors,
                    cudaStream_t stream, const Arguments&... arguments) {
  if (pairs.maxPairs <= kMaxSharedPairs)
    visitNegatives(anchors, Visitor<true>{arguments..., {}},
                   static_cast<size_t>(pairs.maxPairs) * (sizeof(Value) + sizeof(float)), multiprocessors,
                   stream);
  else
    visitNegatives(anchors, Visitor<false>{arguments..., {}}, 0, multiprocessors, stream);
}

}  // namespace

void positiveDistances(const Anchors& anchors, float* distances, cudaStream_t stream) {
  if (anchors.count == 0) return;
  withBytes(anchors, [&]<int Bytes>(std::integral_constant<int, Bytes>) {
    using Tile = DistanceTile<kPairRows, Bytes>;
    launch<positiveDistancesKernel<Bytes>>(blocksOf(anchors.count, Tile::kRows), kTileThreads,
                                           Tile::kSharedBytes, stream, anchors, distances);
  });
}

void mineSemiHard(const Anchors& anchors, const SortedPairs& pairs, float margin, DistanceKey* nearest,
                  const TripletSlots& slots, int multiprocessors, cudaStream_t stream) {
  if (pairs.count == 0) return;
  FACENET_CUDA_CHECK(
      cudaMemsetAsync(nearest, 0xff, static_cast<size_t>(pairs.count) * sizeof(DistanceKey), stream));
  visitWithPairs<NearestAbove, DistanceKey>(anchors, pairs, multiprocessors, stream, margin, pairs.sorted,
                                            nearest);
  launch<selectKernel>(warpBlocks(anchors), kTileThreads, 0, stream, anchors, pairs, margin,
                       static_cast<const DistanceKey*>(nearest), slots);
}

void mineHard(const Anchors& anchors, const float* distances, const TripletSlots& slots, int multiprocessors,
              cudaStream_t stream) {
  if (anchors.count == 0) return;
  FACENET_CUDA_CHECK(cudaMemsetAsync(slots.negatives, 0xff,
                                     static_cast<size_t>(anchors.count) * sizeof(DistanceKey), stream));
  visitNegatives(anchors, Nearest{slots.negatives}, 0, multiprocessors, stream);
  launch<farthestKernel>(warpBlocks(anchors), kTileThreads, 0, stream, anchors, distances, slots);
}

void countAll(const Anchors& anchors, const SortedPairs& pairs, float margin, int32_t* histogram,
              int32_t* counts, unsigned long long* total, int32_t* ofNegatives, int multiprocessors,
              cudaStream_t stream) {
  if (pairs.count == 0) return;
  FACENET_CUDA_CHECK(
      cudaMemsetAsync(histogram, 0, static_cast<size_t>(pairs.count) * sizeof(int32_t), stream));
  visitWithPairs<Histogram, int32_t>(anchors, pairs, multiprocessors, stream, margin, pairs.sorted, histogram,
                                     ofNegatives);
  launch<addHistogramKernel>(warpBlocks(anchors), kTileThreads, 0, stream, anchors, pairs.order,
                             static_cast<const int32_t*>(histogram), counts, total);
}

void listAll(const Anchors& anchors, const float* distances, float margin, unsigned long long* ends,
             int32_t* negatives, cudaStream_t stream) {
  if (anchors.count == 0) return;
  withBytes(anchors, [&]<int Bytes>(std::integral_constant<int, Bytes>) {
    using Rows = DistanceRows<kPairRows, Bytes>;
    launch<listAllKernel<Bytes>>(blocksOf(anchors.count, Rows::kRows), kTileThreads, Rows::kSharedBytes,
                                 stream, anchors, distances, margin, ends, negatives);
  });
}

}  // namespace facenet::cuda
