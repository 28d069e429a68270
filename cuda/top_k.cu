#include <algorithm>

#include "cuda/distance_tile.cuh"
#include "cuda/top_k.cuh"

namespace facenet::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kWarps = kTileThreads / kWarp;
constexpr int kBlocksAnSm = 2;  // leaves 128 registers a thread
constexpr int kMostNeighbours = 128;
// A warp looks through two rows of distances at once. They are so far apart that both are written without
// conflicts.
constexpr int kStagedStride = kTileColumns + 16;
constexpr int kStagedFloats = 2 * kStagedStride;  // of a warp

__device__ __forceinline__ NeighbourKey keyOf(float distance, int index) {
  return NeighbourKey{__float_as_uint(distance)} << 32 | static_cast<unsigned>(index);
}
__device__ __forceinline__ float limitOf(NeighbourKey key) {
  // Before a list is full, everything is nearer than its last key.
  return key == kNoNeighbour ? INFINITY : __uint_as_float(static_cast<unsigned>(key >> 32));
}

// Puts a key into the ascending list of a warp, all lanes of which call it; the last key falls out.
__device__ __forceinline__ void insert(NeighbourKey* list, int k, NeighbourKey key) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  // From the end, so that what moves up was read before it is overwritten.
  for (int base = (k - 1) / kWarp * kWarp; base >= 0; base -= kWarp) {
    const int place = base + lane;
    const NeighbourKey own = place < k ? list[place] : 0;
    const NeighbourKey before = place > 0 && place < k ? list[place - 1] : 0;
    __syncwarp();
    if (own > key) list[place] = before > key ? before : key;
    __syncwarp();
  }
}

// Tries the keys of the lanes, those with `near`, on a list, and returns the list's new last key.
__device__ __forceinline__ NeighbourKey tryAll(NeighbourKey* list, int k, NeighbourKey last, bool near,
                                               NeighbourKey key) {
  for (unsigned lanes = __ballot_sync(~0u, near); lanes != 0; lanes &= lanes - 1) {
    const NeighbourKey candidate = __shfl_sync(~0u, key, __ffs(static_cast<int>(lanes)) - 1);
    if (candidate >= last) continue;
    insert(list, k, candidate);
    last = list[k - 1];
  }
  return last;
}

// Block (part, queries): the nearest of the part's rows for each of the block's queries, one list a query.
// Registers: at most 128.
template <int Rows, int Bytes>
__global__ void __launch_bounds__(kTileThreads, kBlocksAnSm)
    nearestKernel(RowsView queries, RowsView gallery, int firstIndex, int partRows, int dimensions, int k,
                  NeighbourKey* lists) {
  using Tile = DistanceTile<Rows, Bytes>;
  Tile tile(reinterpret_cast<float*>(dynamicShared()));
  auto* best = reinterpret_cast<NeighbourKey*>(dynamicShared() + Tile::kSharedBytes);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  float* staged = reinterpret_cast<float*>(best + Tile::kRows * k) + warp * kStagedFloats;
  const int64_t firstQuery = int64_t{blockIdx.y} * Tile::kRows;
  const auto rowOf = [&](int i, int half) { return 2 * warp + half + 16 * i; };  // a query of this warp
  for (int i = 0; i < Rows; ++i)
    for (int half = 0; half < 2; ++half)
      for (int e = lane; e < k; e += kWarp) best[rowOf(i, half) * k + e] = kNoNeighbour;
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
      for (int j = 0; j < Tile::kColumnsAThread; ++j)
        near = near || (tile.sums[i][j] < limit && Tile::column(j) < columns);
      if (!__any_sync(~0u, near)) continue;
      float* to = staged + lane / 16 * kStagedStride;
#pragma unroll
      for (int j = 0; j < Tile::kColumnsAThread; ++j) to[Tile::column(j)] = tile.sums[i][j];
      __syncwarp();
      for (int half = 0; half < 2; ++half) {
        const int row = rowOf(i, half);
        if (firstQuery + row >= queries.count) break;
        NeighbourKey last = best[row * k + k - 1];
        for (int column = lane; column < kTileColumns; column += kWarp) {
          const float distance = staged[half * kStagedStride + column];
          const NeighbourKey key = keyOf(distance, firstIndex + static_cast<int>(first) + column);
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
      for (int e = lane; e < k; e += kWarp)
        lists[(blockIdx.x * queries.count + query) * k + e] = best[rowOf(i, half) * k + e];
    }
}

struct MergedLists {
  NeighbourKey ofWarp[kWarps][kMostNeighbours];
};

// A warp a query: the parts' lists into the query's own.
// Registers: at most 56.
__global__ void __launch_bounds__(kTileThreads, kBlocksAnSm)
    mergeKernel(const NeighbourKey* lists, int parts, int64_t queries, int k, NeighbourKey* best) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  NeighbourKey* list = shared<MergedLists>().ofWarp[warp];
  const int64_t query = int64_t{blockIdx.x} * kWarps + warp;
  if (query >= queries) return;
  for (int e = lane; e < k; e += kWarp) list[e] = best[query * k + e];
  __syncwarp();
  NeighbourKey last = list[k - 1];
  const int keys = parts * k;  // of this query
  constexpr int kLoads = 4;    // under way at once
  for (int base = lane; base - lane < keys; base += kLoads * kWarp) {
    NeighbourKey some[kLoads];
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const int at = base + i * kWarp;
      some[i] = at < keys ? lists[(at / k * queries + query) * k + at % k] : kNoNeighbour;
    }
#pragma unroll
    for (int i = 0; i < kLoads; ++i) last = tryAll(list, k, last, some[i] < last, some[i]);
  }
  for (int e = lane; e < k; e += kWarp) best[query * k + e] = list[e];
}

// How a search is cut: queries of a block, and parts of the gallery so that there are blocks for all
// multiprocessors, none of less than eight tiles.
struct Cut {
  int rowsAThread;
  int64_t partRows, parts;
};
Cut cutOf(int64_t queries, int64_t galleryRows, int64_t k, int multiprocessors) {
  const int rowsAThread = queries <= 32 ? 1 : k <= 32 ? 6 : 4;  // longer lists leave room for fewer queries
  const int64_t groups = (queries + 16 * rowsAThread - 1) / (16 * rowsAThread);
  const int64_t tiles = (galleryRows + kTileColumns - 1) / kTileColumns;
  const int64_t wanted = std::max<int64_t>(4 * kBlocksAnSm * multiprocessors / groups, 1);
  const int64_t tilesAPart = std::max<int64_t>((tiles + wanted - 1) / wanted, 8);
  return {rowsAThread, tilesAPart * kTileColumns, (tiles + tilesAPart - 1) / tilesAPart};
}

template <int Rows, int Bytes>
void launchOn(const RowsView& queries, const GalleryPiece& gallery, const Cut& cut, int dimensions, int k,
              NeighbourKey* lists, cudaStream_t stream) {
  using Tile = DistanceTile<Rows, Bytes>;
  const int64_t groups = (queries.count + Tile::kRows - 1) / Tile::kRows;
  FACENET_ASSERT(groups <= 65535 && cut.parts * k < (int64_t{1} << 31));
  const dim3 grid(static_cast<unsigned>(cut.parts), static_cast<unsigned>(groups));
  const size_t sharedBytes =
      Tile::kSharedBytes + Tile::kRows * k * sizeof(NeighbourKey) + kWarps * kStagedFloats * sizeof(float);
  launch<nearestKernel<Rows, Bytes>>(
      grid, kTileThreads, sharedBytes, stream, queries, RowsView{gallery.rows, gallery.count},
      static_cast<int>(gallery.firstIndex), static_cast<int>(cut.partRows), dimensions, k, lists);
}

template <int Bytes>
void launchBy(const RowsView& queries, const GalleryPiece& gallery, const Cut& cut, int dimensions, int k,
              NeighbourKey* lists, cudaStream_t stream) {
  switch (cut.rowsAThread) {
    case 1: return launchOn<1, Bytes>(queries, gallery, cut, dimensions, k, lists, stream);
    case 4: return launchOn<4, Bytes>(queries, gallery, cut, dimensions, k, lists, stream);
    default: return launchOn<6, Bytes>(queries, gallery, cut, dimensions, k, lists, stream);
  }
}

}  // namespace

int64_t topKScratch(int64_t count, int64_t galleryRows, int64_t k, int multiprocessors) {
  return cutOf(count, galleryRows, k, multiprocessors).parts * count * k *
         static_cast<int64_t>(sizeof(NeighbourKey));
}

void nearestRows(const float* queries, int64_t count, const GalleryPiece& gallery, int64_t dimensions,
                 int64_t k, NeighbourKey* best, void* scratch, int multiprocessors, cudaStream_t stream) {
  FACENET_ASSERT(k >= 1 && k <= kMostNeighbours && dimensions > 0 && dimensions < (int64_t{1} << 30));
  FACENET_ASSERT(gallery.firstIndex + gallery.count < (int64_t{1} << 31));
  if (count == 0 || gallery.count == 0) return;
  const RowsView rows{queries, count};
  const Cut cut = cutOf(count, gallery.count, k, multiprocessors);
  auto* lists = static_cast<NeighbourKey*>(scratch);
  const auto width = static_cast<int>(dimensions), length = static_cast<int>(k);
  if (rowsPack(queries, dimensions) && rowsPack(gallery.rows, dimensions))
    launchBy<16>(rows, gallery, cut, width, length, lists, stream);
  else
    launchBy<4>(rows, gallery, cut, width, length, lists, stream);
  const auto blocks = static_cast<unsigned>((count + kWarps - 1) / kWarps);
  launch<mergeKernel>(blocks, kTileThreads, 0, stream, static_cast<const NeighbourKey*>(lists),
                      static_cast<int>(cut.parts), count, length, best);
}

}  // namespace facenet::cuda
