#include <limits>

#include "cuda/conv2d/forward/conv2d_f32.cuh"
#include "cuda/conv2d/forward/conv2d_f32_copy.cuh"
#include "cuda/conv2d/forward/f32_tiles.h"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

template <class Tile>
struct Sums {
  float of[Tile::kThreadRows][Tile::kThreadColumns];
};

// Where a thread's pixels and columns begin in the block's tile.
struct Corner {
  int row, column;  // of the warp
  int laneRow, laneColumn;
};

template <class Tile>
__device__ __forceinline__ void multiplyStage(const float* rows, const float* columns, const Corner& at,
                                              Sums<Tile>& sums) {
#pragma unroll(Tile::kUnrolledChunks)
  for (int chunk = 0; chunk < kF32Chunks; ++chunk) {
    float4 a[Tile::kThreadRows];
#pragma unroll
    for (int i = 0; i < Tile::kThreadRows; ++i)
      a[i] = *reinterpret_cast<const float4*>(
          rows + f32RowOffset<Tile>(at.row + i * kF32LaneRows, at.laneRow, chunk));
#pragma unroll
    for (int j = 0; j < Tile::kThreadColumns; ++j) {
      const float4 b = *reinterpret_cast<const float4*>(
          columns + f32SlotOffset<Tile>(at.column + j * kF32LaneColumns, at.laneColumn, chunk));
#pragma unroll
      for (int i = 0; i < Tile::kThreadRows; ++i) {
        sums.of[i][j] += a[i].x * b.x;
        sums.of[i][j] += a[i].y * b.y;
        sums.of[i][j] += a[i].z * b.z;
        sums.of[i][j] += a[i].w * b.w;
      }
    }
  }
}

// One block per tile, those of one row of tiles side by side: they share the input in L2. A pipeline of kStages - 1
// stages in flight feeds the multiplication.
// Registers: at most 168. Of that, each tile has the budget that its F32Tile names.
template <class Tile, bool Aligned>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) conv2dF32Kernel(F32Arguments p) {
  auto* const staged = reinterpret_cast<float*>(dynamicShared());
  const int firstRow = static_cast<int>(blockIdx.x) / p.columnTiles * Tile::kRows;
  const int firstColumn = static_cast<int>(blockIdx.x) % p.columnTiles * Tile::kColumns;
  const int lane = laneOf(), warp = warpOf();
  const Corner at{warp / Tile::kWarpsAcross * Tile::kWarpRows, warp % Tile::kWarpsAcross * Tile::kWarpColumns,
                  lane % kF32LaneRows, lane / kF32LaneRows};

  F32Copy<Tile, Aligned> loader(p, firstRow, firstColumn);
  const auto copyStage = [&](int step) {
    float* const stage = staged + step % Tile::kStages * Tile::kStageFloats;
    if (step < p.steps) loader.copy(stage, stage + Tile::kRows * Tile::kTerms);
    ptx::copyAsyncCommit();  // an empty group past the end keeps the count
  };
#pragma unroll
  for (int step = 0; step < Tile::kStages - 1; ++step) copyStage(step);

  Sums<Tile> sums{};
  for (int step = 0; step < p.steps; ++step) {
    ptx::copyAsyncWait<Tile::kStages - 2>();
    __syncthreads();  // all see this stage, and none still reads the one before it
    copyStage(step + Tile::kStages - 1);
    const float* const stage = staged + step % Tile::kStages * Tile::kStageFloats;
    multiplyStage<Tile>(stage, stage + Tile::kRows * Tile::kTerms, at, sums);
  }

  const ColumnEpilogue epilogue(p.epilogue, 0, p.columns, firstColumn + at.column + at.laneColumn * 8);
#pragma unroll
  for (int i = 0; i < Tile::kThreadRows; ++i) {
    const int pixel = firstRow + at.row + i * kF32LaneRows + at.laneRow;
    if (pixel < p.pixels) epilogue.store(pixel, sums.of[i]);
  }
}

F32Arguments argumentsOf(const ConvCall& call, const ConvTile& tile) {
  const Window& w = call.window;
  const View &x = call.x, &y = call.to.front().y;
  const ConvWeights& weights = call.weights;
  const int64_t taps = w.kernelHeight * w.kernelWidth, pixels = y.count * y.shape.pixels();
  FACENET_ASSERT(x.dtype == DType::f32 && weights.dtype == DType::f32 && x.count == y.count);
  FACENET_ASSERT(weights.groups == 1 && call.maxout == 1 && weights.columns % kColumnAlignment == 0);
  FACENET_ASSERT(weights.tapTerms % kF32ChunkTerms == 0 && weights.tapTerms >= x.shape.channels);
  FACENET_ASSERT(weights.rowTerms % kF32ChunkTerms == 0 && weights.rowTerms >= taps * weights.tapTerms);
  constexpr int64_t kMax = std::numeric_limits<int>::max() / 2;
  FACENET_ASSERT(pixels <= kMax && x.count * x.shape.pixels() <= kMax && taps * weights.tapTerms <= kMax &&
                 weights.columns <= kMax);
  const int columnTiles = toInt(ceilDivide(weights.columns, tile.columns));
  FACENET_ASSERT(ceilDivide(pixels, tile.rows) <= kMax / columnTiles);
  return {.x = x.as<const float>(),
          .weight = static_cast<const float*>(weights.weight),
          .xStride = x.pixelStride,
          .rowTerms = weights.rowTerms,
          .height = toInt(x.shape.height),
          .width = toInt(x.shape.width),
          .channels = toInt(x.shape.channels),
          .outWidth = toInt(y.shape.width),
          .outPixels = toInt(y.shape.pixels()),
          .pixels = toInt(pixels),
          .columns = toInt(weights.columns),
          .taps = toInt(taps),
          .tapTerms = toInt(weights.tapTerms),
          .strideHeight = toInt(w.strideHeight),
          .strideWidth = toInt(w.strideWidth),
          .padTop = toInt(w.padTop),
          .padLeft = toInt(w.padLeft),
          .dilationHeight = toInt(w.dilationHeight),
          .dilationWidth = toInt(w.dilationWidth),
          .windowHeight = toInt(w.kernelHeight * w.dilationHeight),
          .windowWidth = toInt(w.kernelWidth * w.dilationWidth),
          .columnTiles = columnTiles,
          .steps = toInt(ceilDivide(taps * weights.tapTerms, tile.terms)),
          .epilogue = epilogueOf(call)};
}

bool alignedChunks(const View& x) {
  return reinterpret_cast<uintptr_t>(x.data) % 16 == 0 && x.pixelStride % kF32ChunkTerms == 0;
}

template <class Tile>
void launchTile(const ConvCall& call, cudaStream_t stream) {
  const F32Arguments arguments = argumentsOf(call, Tile::kTile.tile);
  const auto blocks = static_cast<unsigned>(ceilDivide(arguments.pixels, Tile::kRows)) *
                      static_cast<unsigned>(arguments.columnTiles);
  if (blocks == 0) return;
  if (alignedChunks(call.x))
    launch<conv2dF32Kernel<Tile, true>>(blocks, Tile::kThreads, Tile::kSharedBytes, stream, arguments);
  else
    launch<conv2dF32Kernel<Tile, false>>(blocks, Tile::kThreads, Tile::kSharedBytes, stream, arguments);
}

}  // namespace

std::vector<ConvTile> f32Tiles() {
  std::vector<ConvTile> tiles;
  for (const F32Shape& each : F32Tiles::table()) tiles.push_back(each.tile);
  return tiles;
}

ConvTile chooseF32Tile(int64_t pixels, int64_t columns, int multiprocessors) {
  ConvTile best{};
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [tile, rate] : F32Tiles::table()) {
    const int64_t blocks = ceilDivide(pixels, tile.rows) * ceilDivide(columns, tile.columns);
    const double busiest = static_cast<double>(ceilDivide(blocks, multiprocessors)) *
                           (static_cast<double>(tile.rows) * tile.columns) / rate;
    if (busiest < least) least = busiest, best = tile;
  }
  return best;
}

void conv2dF32(const ConvCall& call, const ConvTile& tile, cudaStream_t stream) {
  F32Tiles::dispatch(tile.rows, tile.columns, [&]<class Tile>(Tile) { launchTile<Tile>(call, stream); });
}

}  // namespace facenet::cuda
