#include <algorithm>

#include "cuda/common/warp.cuh"
#include "cuda/distance_tile.cuh"
#include "cuda/top_k.cuh"

namespace facenet::cuda {
namespace {

constexpr int kWarps = kTileThreads / kWarpSize;
constexpr int kBlocksPerSm = 2;  // leaves 128 registers per thread
constexpr int kMaxNeighbours = 128;
// A warp looks through two rows of distances at once. They are so far apart that both are written without
// conflicts.
constexpr int kStagedStride = kTileColumns + 16;
constexpr int kStagedFloats = 2 * kStagedStride;  // of a warp

__device__ __forceinline__ float limitOf(DistanceKey key) {
  // Before a list is full, everything is nearer than its last key.
  return key == kNoKey ? INFINITY : distanceOf(key);
}

// Puts a key into the ascending list of a warp, all lanes of which call it; the last key falls out.
__device__ __forceinline__ void insert(DistanceKey* list, int k, DistanceKey key) {
  const int lane = laneOf();
  // From the end, so that what moves up was read before it is overwritten.
  for (int base = (k - 1) / kWarpSize * kWarpSize; base >= 0; base -= kWarpSize) {
    const int index = base + lane;
    const DistanceKey own = index < k ? list[index] : 0;
    const DistanceKey before = index > 0 && index < k ? list[index - 1] : 0;
    __syncwarp();
    if (own > key) list[index] = before > key ? before : key;
    __syncwarp();
  }
}

// Tries the keys of the lanes, those with `near`, on a list, and returns the list's new last key.
__device__ __forceinline__ DistanceKey tryAll(DistanceKey* list, int k, DistanceKey last, bool near,
                                              DistanceKey key) {
  for (unsigned lanes = __ballot_sync(~0u, near); lanes != 0; lanes &= lanes - 1) {
    const DistanceKey candidate = __shfl_sync(~0u, key, __ffs(static_cast<int>(lanes)) - 1);
    if (candidate >= last) continue;
    insert(list, k, candidate);
    last = list[k - 1];
  }
  return last;
}

// Block (part, queries): the nearest of the part's rows for each of the block's queries, one list per query.
// Registers: at most 128.
template <int Rows, int Bytes>
__global__ void __launch_bounds__(kTileThreads, kBlocksPerSm)
    nearestKernel(RowsView queries, RowsView gallery, int firstIndex, int partRows, int dimensions, int k,
                  DistanceKey* lists) {
  using Tile = DistanceTile<Rows, Bytes>;
  Tile tile(reinterpret_cast<float*>(dynamicShared()));
  auto* best = reinterpret_cast<DistanceKey*>(dynamicShared() + Tile::kSharedBytes);
  const int lane = laneOf(), warp = warpOf();
  float* staged = reinterpret_cast<float*>(best + Tile::kRows * k) + warp * kStagedFloats;
  const int64_t firstQuery = int64_t{blockIdx.y} * Tile::kRows;
  const auto rowOf = [&](int i, int half) { return 2 * warp + half + 16 * i; };  // a query of this warp
  for (int i = 0; i < Rows; ++i)
    for (int half = 0; half < 2; ++half)
      for (int e = lane; e < k; e += kWarpSize) best[rowOf(i, half) * k + e] = kNoKey;
  __syncwarp();

  const int64_t begin = int64_t{blockIdx.x} * partRows;
  const int64_t end = begin + partRows < gallery.count ? begin + partRows : gallery.count;
  for (int64_t first = begin; first < end; first += kTileColumns) {
    tile.compute(queries, firstQuery, gallery, first, dimensions);
    const int columns = end - first < kTileColumns ? static_cast<int>(end - first) : kTileColumns;
#pragma unroll
    for (int i = 0; i < Rows; ++i) {
      const bool wanted = firstQuery + Tile::row(i) < queries.count;
      const float limit = wanted ? limitOf(best[Tile::row(i) * k + k - 1]) : -1.f;
      bool near = false;
#pragma unroll
      for (int j = 0; j < Tile::kColumnsPerThread; ++j)
        near = near || (tile.sums[i][j] < limit && Tile::column(j) < columns);
      if (!__any_sync(~0u, near)) continue;
      float* to = staged + lane / 16 * kStagedStride;
#pragma unroll
      for (int j = 0; j < Tile::kColumnsPerThread; ++j) to[Tile::column(j)] = tile.sums[i][j];
      __syncwarp();
      for (int half = 0; half < 2; ++half) {
        const int row = rowOf(i, half);
        if (firstQuery + row >= queries.count) break;
        DistanceKey last = best[row * k + k - 1];
        for (int column = lane; column < kTileColumns; column += kWarpSize) {
          const float distance = staged[half * kStagedStride + column];
          const DistanceKey key = keyOf(distance, firstIndex + static_cast<int>(first) + column);
          last = tryAll(best + row * k, k, last, column < columns && distance < limitOf(last), key);
        }
      }
      __syncwarp();
    }
  }
  for (int i = 0; i < Rows; ++i)
    for (int half = 0; half < 2; ++half) {
      const int64_t query = firstQuery + rowOf(i, half);
      if (query >= queries.count) continue;
      for (int e = lane; e < k; e += kWarpSize)
        lists[(blockIdx.x * queries.count + query) * k + e] = best[rowOf(i, half) * k + e];
    }
}

struct MergedLists {
  DistanceKey ofWarp[kWarps][kMaxNeighbours];
};

// One warp per query: the parts' lists into the query's own.
// Registers: at most 56.
__global__ void __launch_bounds__(kTileThreads, kBlocksPerSm)
    mergeKernel(const DistanceKey* lists, int parts, int64_t queries, int k, DistanceKey* best) {
  const int lane = laneOf(), warp = warpOf();
  DistanceKey* list = shared<MergedLists>().ofWarp[warp];
  const int64_t query = int64_t{blockIdx.x} * kWarps + warp;
  if (query >= queries) return;
  for (int e = lane; e < k; e += kWarpSize) list[e] = best[query * k + e];
  __syncwarp();
  DistanceKey last = list[k - 1];
  const int keys = parts * k;  // of this query
  constexpr int kLoads = 4;    // under way at once
  for (int base = lane; base - lane < keys; base += kLoads * kWarpSize) {
    DistanceKey some[kLoads];
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const int at = base + i * kWarpSize;
      some[i] = at < keys ? lists[(at / k * queries + query) * k + at % k] : kNoKey;
    }
#pragma unroll
    for (int i = 0; i < kLoads; ++i) last = tryAll(list, k, last, some[i] < last, some[i]);
  }
  for (int e = lane; e < k; e += kWarpSize) best[query * k + e] = list[e];
}

// How a search is cut: queries of a block, and parts of the gallery so that there are blocks for all
// multiprocessors, none of less than eight tiles.
struct Cut {
  int rowsPerThread;
  int64_t partRows, parts;
};
Cut cutOf(int64_t queries, int64_t galleryRows, int64_t k, int multiprocessors) {
  const int rowsPerThread = queries <= 32 ? 1 : k <= 32 ? 6 : 4;  // longer lists leave room for fewer queries
  const int64_t groups = ceilDivide(queries, 16 * rowsPerThread);
  const int64_t tiles = ceilDivide(galleryRows, kTileColumns);
  const int64_t wanted = std::max<int64_t>(4 * kBlocksPerSm * multiprocessors / groups, 1);
  const int64_t tilesPerPart = std::max<int64_t>(ceilDivide(tiles, wanted), 8);
  return {rowsPerThread, tilesPerPart * kTileColumns, ceilDivide(tiles, tilesPerPart)};
}

template <int Rows, int Bytes>
void launchOn(const RowsView& queries, const GalleryChunk& gallery, const Cut& cut, int dimensions, int k,
              DistanceKey* lists, cudaStream_t stream) {
  using Tile = DistanceTile<Rows, Bytes>;
  const int64_t groups = ceilDivide(queries.count, Tile::kRows);
  FACENET_ASSERT(groups <= 65535 && cut.parts * k < (int64_t{1} << 31));
  const dim3 grid(static_cast<unsigned>(cut.parts), static_cast<unsigned>(groups));
  const size_t sharedBytes =
      Tile::kSharedBytes + Tile::kRows * k * sizeof(DistanceKey) + kWarps * kStagedFloats * sizeof(float);
  launch<nearestKernel<Rows, Bytes>>(
      grid, kTileThreads, sharedBytes, stream, queries, RowsView{gallery.rows, gallery.count},
      static_cast<int>(gallery.firstIndex), static_cast<int>(cut.partRows), dimensions, k, lists);
}

template <int Bytes>
void launchBy(const RowsView& queries, const GalleryChunk& gallery, const Cut& cut, int dimensions, int k,
              DistanceKey* lists, cudaStream_t stream) {
  switch (cut.rowsPerThread) {
    case 1: return launchOn<1, Bytes>(queries, gallery, cut, dimensions, k, lists, stream);
    case 4: return launchOn<4, Bytes>(queries, gallery, cut, dimensions, k, lists, stream);
    default: return launchOn<6, Bytes>(queries, gallery, cut, dimensions, k, lists, stream);
  }
}

}  // namespace

int64_t topKScratch(int64_t count, int64_t galleryRows, int64_t k, int multiprocessors) {
  return cutOf(count, galleryRows, k, multiprocessors).parts * count * k *
         static_cast<int64_t>(sizeof(DistanceKey));
}

void nearestRows(const float* queries, int64_t count, const GalleryChunk& gallery, int64_t dimensions,
                 int64_t k, DistanceKey* best, void* scratch, int multiprocessors, cudaStream_t stream) {
  FACENET_ASSERT(k >= 1 && k <= kMaxNeighbours && dimensions > 0 && dimensions < (int64_t{1} << 30));
  FACENET_ASSERT(gallery.firstIndex + gallery.count < (int64_t{1} << 31));
  if (count == 0 || gallery.count == 0) return;
  const RowsView rows{queries, count};
  const Cut cut = cutOf(count, gallery.count, k, multiprocessors);
  auto* lists = static_cast<DistanceKey*>(scratch);
  const auto width = static_cast<int>(dimensions), length = static_cast<int>(k);
  if (rowsPack(queries, dimensions) && rowsPack(gallery.rows, dimensions))
    launchBy<16>(rows, gallery, cut, width, length, lists, stream);
  else
    launchBy<4>(rows, gallery, cut, width, length, lists, stream);
  const auto blocks = static_cast<unsigned>(ceilDivide(count, kWarps));
  launch<mergeKernel>(blocks, kTileThreads, 0, stream, static_cast<const DistanceKey*>(lists),
                      static_cast<int>(cut.parts), count, length, best);
}

}  // namespace facenet::cuda
