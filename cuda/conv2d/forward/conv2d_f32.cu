#include <limits>

#include "cuda/common/device.cuh"
#include "cuda/conv2d/forward/conv2d_f32.cuh"
#include "cuda/conv2d/forward/eight_columns.cuh"
#include "cuda/ptx.cuh"

namespace facenet::cuda {
namespace {

// A warp's lanes stand 8 down the pixels and 4 across the columns of its tile. Each holds the sums of
// warpRows / 8 pixels and eight neighbouring columns.
constexpr int kLaneRows = 8, kLaneColumns = 4, kWarp = 32;
// Terms in a 16-byte piece, the unit of copies and of reads from shared memory, and pieces of a row in a stage.
constexpr int kPiece = 4, kPieces = 4;
constexpr int kTerms = kPiece * kPieces;

// Registers is the budget of a thread; the block count that a multiprocessor then holds is what the compiler is
// told.
template <int Rows, int Columns, int WarpRows, int WarpColumns, int Stages, int Registers>
struct TileOf {
  static constexpr int rows = Rows, columns = Columns, stages = Stages;
  static constexpr int warpRows = WarpRows, warpColumns = WarpColumns;
  static constexpr int warpsAcross = Columns / WarpColumns;
  static constexpr int threads = Rows / WarpRows * warpsAcross * kWarp;
  static constexpr int threadRows = WarpRows / kLaneRows, threadColumns = WarpColumns / kLaneColumns;
  // More pieces at a time would not fit the budget of 8 x 8 sums.
  static constexpr int unrolledPieces = threadRows * threadColumns < 64 ? kPieces : 1;
  static constexpr int rowsAPass = threads / kPieces;  // that all threads copy together
  static constexpr int stageFloats = (Rows + Columns) * kTerms;
  static constexpr int sharedBytes = Stages * stageFloats * static_cast<int>(sizeof(float));
  static constexpr int blocksAnSm = 65536 / (threads * Registers);
  static constexpr ConvTile asTile{Rows, Columns, kTerms, WarpRows, WarpColumns, Stages};
  static_assert(Rows % rowsAPass == 0 && Columns % rowsAPass == 0 && threadColumns == 8);
  static_assert(sharedBytes <= 48 * 1024, "a launch gets this much without asking");
};

struct Problem {
  const float *x, *weight;
  int64_t xStride, rowTerms;
  int height, width, channels;
  int outWidth, outPixels, pixels, columns;  // outPixels: of an image; pixels: of all
  int kernelWidth, taps, tapTerms;
  int strideHeight, strideWidth, padTop, padLeft;
  int columnTiles, steps;
  ConvEnd end;
};

// Where a piece of a row of the input lies in a stage: the first pieces of all rows, then the second ones.
// Rows are shuffled within groups of eight, so that neither the copies, four pieces of two rows at a time, nor
// the reads, one piece of eight rows, meet in a bank. `first` is a multiple of eight, `row` counts from there.
template <class Tile>
__device__ __forceinline__ int placeOfRow(int first, int row, int piece) {
  return (piece * Tile::rows + first + (row ^ piece << 1)) * kPiece;
}

// The weights lie likewise, in slots: a warp's lane reads the slots lane, lane + 4, lane + 8... of its tile,
// and they are the columns that it stores, 8 lane to 8 lane + 7. `first` is a multiple of four.
template <class Tile>
__device__ __forceinline__ int placeOfSlot(int first, int slot, int piece) {
  return (piece * Tile::columns + first + (slot ^ piece)) * kPiece;
}
template <class Tile>
__device__ __forceinline__ int placeOfColumn(int column, int piece) {
  const int within = column % Tile::warpColumns, lane = within / 8, index = within % 8;
  return placeOfSlot<Tile>(column - within + index * kLaneColumns, lane, piece);
}

// Copies the stages of a block's tile, one after the other. A thread copies the same piece of several rows.
template <class Tile, bool Aligned>
class Loader {
 public:
  __device__ __forceinline__ Loader(const Problem& p, int firstRow, int firstColumn)
      : p_(p), piece_(threadIdx.x % kPieces), row_(threadIdx.x / kPieces), term_(piece_ * kPiece) {
#pragma unroll
    for (int i = 0; i < kRowCount; ++i) {
      const int pixel = firstRow + row_ + i * Tile::rowsAPass;
      const int image = pixel / p.outPixels, within = pixel % p.outPixels;
      // No row of the image is so far up: a row of the tile beyond the last pixel is all padding.
      y_[i] = pixel < p.pixels ? within / p.outWidth * p.strideHeight - p.padTop : -(1 << 30);
      x_[i] = within % p.outWidth * p.strideWidth - p.padLeft;
      base_[i] = image * p.height * p.width;
    }
    column_ = firstColumn + row_;
    channel_ = term_;
    wrap();
  }

  // Issues the copies of the next stage.
  __device__ __forceinline__ void copy(float* rows, float* columns) {
    const bool inKernel = ky_ * p_.kernelWidth + kx_ < p_.taps;
#pragma unroll
    for (int i = 0; i < kRowCount; ++i) {
      const int y = y_[i] + ky_, x = x_[i] + kx_;
      const bool inside = inKernel && static_cast<unsigned>(y) < static_cast<unsigned>(p_.height) &&
                          static_cast<unsigned>(x) < static_cast<unsigned>(p_.width);
      const int64_t pixel = base_[i] + y * p_.width + x;
      const int row = row_ + i * Tile::rowsAPass;
      copyPiece(rows + placeOfRow<Tile>(row / 8 * 8, row % 8, piece_), p_.x, pixel * p_.xStride + channel_,
                inside ? p_.channels - channel_ : 0);
    }
#pragma unroll
    for (int i = 0; i < kColumnCount; ++i) {
      const int column = column_ + i * Tile::rowsAPass;
      const bool inside = column < p_.columns && term_ < p_.taps * p_.tapTerms;
      ptx::copyAsync<16>(columns + placeOfColumn<Tile>(row_ + i * Tile::rowsAPass, piece_),
                         p_.weight + (inside ? column * p_.rowTerms + term_ : 0), inside);
    }
    term_ += kTerms;
    channel_ += kTerms;
    wrap();
  }

 private:
  static constexpr int kRowCount = Tile::rows / Tile::rowsAPass;
  static constexpr int kColumnCount = Tile::columns / Tile::rowsAPass;

  __device__ __forceinline__ void wrap() {
    while (channel_ >= p_.tapTerms) {
      channel_ -= p_.tapTerms;
      if (++kx_ == p_.kernelWidth) kx_ = 0, ++ky_;
    }
  }

  // A piece of which the first `count` terms exist, and the others are zero.
  __device__ __forceinline__ void copyPiece(float* to, const float* from, int64_t index, int count) {
    if constexpr (Aligned) {
      ptx::copyAsyncPartly(to, from + (count > 0 ? index : 0), min(max(count, 0), kPiece) * 4);
    } else {
#pragma unroll
      for (int i = 0; i < kPiece; ++i)
        ptx::copyAsync<4>(to + i, from + (i < count ? index + i : 0), i < count);
    }
  }

  const Problem& p_;
  int piece_, row_, term_;             // of this thread's pieces
  int channel_ = 0, ky_ = 0, kx_ = 0;  // where the term lies
  int y_[kRowCount], x_[kRowCount];    // the window's corner
  int base_[kRowCount];                // first pixel of the image
  int column_;
};

template <class Tile>
struct Sums {
  float of[Tile::threadRows][Tile::threadColumns];
};

// Where a thread's pixels and columns begin in the block's tile.
struct Corner {
  int row, column;  // of the warp
  int laneRow, laneColumn;
};

template <class Tile>
__device__ __forceinline__ void multiplyStage(const float* rows, const float* columns, const Corner& at,
                                              Sums<Tile>& sums) {
#pragma unroll(Tile::unrolledPieces)
  for (int piece = 0; piece < kPieces; ++piece) {
    float4 a[Tile::threadRows];
#pragma unroll
    for (int i = 0; i < Tile::threadRows; ++i)
      a[i] = *reinterpret_cast<const float4*>(rows +
                                              placeOfRow<Tile>(at.row + i * kLaneRows, at.laneRow, piece));
#pragma unroll
    for (int j = 0; j < Tile::threadColumns; ++j) {
      const float4 b = *reinterpret_cast<const float4*>(
          columns + placeOfSlot<Tile>(at.column + j * kLaneColumns, at.laneColumn, piece));
#pragma unroll
      for (int i = 0; i < Tile::threadRows; ++i) {
        sums.of[i][j] += a[i].x * b.x;
        sums.of[i][j] += a[i].y * b.y;
        sums.of[i][j] += a[i].z * b.z;
        sums.of[i][j] += a[i].w * b.w;
      }
    }
  }
}

// A block a tile, those of one row of tiles side by side: they share the input in L2.
// Registers: at most 168. Of that, each tile has the budget that its TileOf names.
template <class Tile, bool Aligned>
__global__ void __launch_bounds__(Tile::threads, Tile::blocksAnSm) conv2dF32Kernel(Problem p) {
  auto* const staged = reinterpret_cast<float*>(dynamicShared());
  const int firstRow = static_cast<int>(blockIdx.x) / p.columnTiles * Tile::rows;
  const int firstColumn = static_cast<int>(blockIdx.x) % p.columnTiles * Tile::columns;
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const Corner at{warp / Tile::warpsAcross * Tile::warpRows, warp % Tile::warpsAcross * Tile::warpColumns,
                  lane % kLaneRows, lane / kLaneRows};

  Loader<Tile, Aligned> loader(p, firstRow, firstColumn);
  const auto copyStage = [&](int step) {
    float* const stage = staged + step % Tile::stages * Tile::stageFloats;
    if (step < p.steps) loader.copy(stage, stage + Tile::rows * kTerms);
    ptx::copyAsyncCommit();  // an empty group past the end keeps the count
  };
#pragma unroll
  for (int step = 0; step < Tile::stages - 1; ++step) copyStage(step);

  Sums<Tile> sums{};
  for (int step = 0; step < p.steps; ++step) {
    ptx::copyAsyncWait<Tile::stages - 2>();
    __syncthreads();  // all see this stage, and none still reads the one before it
    copyStage(step + Tile::stages - 1);
    const float* const stage = staged + step % Tile::stages * Tile::stageFloats;
    multiplyStage<Tile>(stage, stage + Tile::rows * kTerms, at, sums);
  }

  const EightColumns eight(p.end, 0, p.columns, firstColumn + at.column + at.laneColumn * 8);
#pragma unroll
  for (int i = 0; i < Tile::threadRows; ++i) {
    const int pixel = firstRow + at.row + i * kLaneRows + at.laneRow;
    if (pixel < p.pixels) eight.finish(pixel, sums.of[i]);
  }
}

int ceilDivide(int64_t a, int64_t b) {
  return static_cast<int>((a + b - 1) / b);
}

Problem problemOf(const ConvCall& call, const ConvTile& tile) {
  const Window& w = call.window;
  const View &x = call.x, &y = call.to.front().y;
  const ConvWeights& weights = call.weights;
  const int64_t taps = w.kernelHeight * w.kernelWidth, pixels = y.count * y.shape.pixels();
  FACENET_ASSERT(x.dtype == DType::f32 && weights.dtype == DType::f32 && x.count == y.count);
  FACENET_ASSERT(weights.groups == 1 && call.maxout == 1 && weights.columns % kColumnAlignment == 0);
  FACENET_ASSERT(weights.tapTerms % kPiece == 0 && weights.tapTerms >= x.shape.channels);
  FACENET_ASSERT(weights.rowTerms % kPiece == 0 && weights.rowTerms >= taps * weights.tapTerms);
  constexpr int64_t kMost = std::numeric_limits<int>::max() / 2;
  FACENET_ASSERT(pixels <= kMost && x.count * x.shape.pixels() <= kMost && taps * weights.tapTerms <= kMost &&
                 weights.columns <= kMost);
  const int columnTiles = ceilDivide(weights.columns, tile.columns);
  FACENET_ASSERT(ceilDivide(pixels, tile.rows) <= kMost / columnTiles);
  const auto whole = [](int64_t value) { return static_cast<int>(value); };
  return {.x = x.as<const float>(),
          .weight = static_cast<const float*>(weights.weight),
          .xStride = x.pixelStride,
          .rowTerms = weights.rowTerms,
          .height = whole(x.shape.height),
          .width = whole(x.shape.width),
          .channels = whole(x.shape.channels),
          .outWidth = whole(y.shape.width),
          .outPixels = whole(y.shape.pixels()),
          .pixels = whole(pixels),
          .columns = whole(weights.columns),
          .kernelWidth = whole(w.kernelWidth),
          .taps = whole(taps),
          .tapTerms = whole(weights.tapTerms),
          .strideHeight = whole(w.strideHeight),
          .strideWidth = whole(w.strideWidth),
          .padTop = whole(w.padTop),
          .padLeft = whole(w.padLeft),
          .columnTiles = columnTiles,
          .steps = ceilDivide(taps * weights.tapTerms, kTerms),
          .end = convEnd(call)};
}

bool alignedPieces(const View& x) {
  return reinterpret_cast<uintptr_t>(x.data) % 16 == 0 && x.pixelStride % kPiece == 0;
}

using Tile128x128 = TileOf<128, 128, 64, 32, 3, 128>;
using Tile128x64 = TileOf<128, 64, 64, 32, 3, 168>;
using Tile64x64 = TileOf<64, 64, 32, 32, 4, 128>;
using Tile128x32 = TileOf<128, 32, 32, 32, 4, 128>;
using Tile64x32 = TileOf<64, 32, 16, 32, 4, 96>;
using Tile32x32 = TileOf<32, 32, 16, 32, 4, 96>;

template <class Tile>
void launchTile(const ConvCall& call, cudaStream_t stream) {
  const Problem problem = problemOf(call, Tile::asTile);
  const auto blocks = static_cast<unsigned>(ceilDivide(problem.pixels, Tile::rows)) *
                      static_cast<unsigned>(problem.columnTiles);
  if (blocks == 0) return;
  if (alignedPieces(call.x))
    launch<conv2dF32Kernel<Tile, true>>(blocks, Tile::threads, Tile::sharedBytes, stream, problem);
  else
    launch<conv2dF32Kernel<Tile, false>>(blocks, Tile::threads, Tile::sharedBytes, stream, problem);
}

// Each tile with its launcher and how much of the multiply-add rate it is expected to reach, from the reads
// of shared memory a multiply-add: (rows + columns) / (rows * columns) of a thread. Not measured.
struct BuiltTile {
  ConvTile tile;
  void (*launch)(const ConvCall&, cudaStream_t);
  double rate;
};
template <class Tile>
constexpr BuiltTile built(double rate) {
  return {Tile::asTile, launchTile<Tile>, rate};
}
constexpr BuiltTile kTiles[] = {built<Tile128x128>(1),   built<Tile128x64>(0.98), built<Tile64x64>(0.8),
                                built<Tile128x32>(0.78), built<Tile64x32>(0.6),   built<Tile32x32>(0.5)};

}  // namespace

std::vector<ConvTile> f32Tiles() {
  std::vector<ConvTile> tiles;
  for (const BuiltTile& each : kTiles) tiles.push_back(each.tile);
  return tiles;
}

ConvTile chooseF32Tile(int64_t pixels, int64_t columns, int multiprocessors) {
  const BuiltTile* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const BuiltTile& each : kTiles) {
    const ConvTile& t = each.tile;
    const int64_t blocks = int64_t{ceilDivide(pixels, t.rows)} * ceilDivide(columns, t.columns);
    const double busiest =
        ceilDivide(blocks, multiprocessors) * (static_cast<double>(t.rows) * t.columns) / each.rate;
    if (busiest < least) least = busiest, best = &each;
  }
  return best->tile;
}

void conv2dF32(const ConvCall& call, const ConvTile& tile, cudaStream_t stream) {
  for (const BuiltTile& each : kTiles)
    if (each.tile.rows == tile.rows && each.tile.columns == tile.columns) return each.launch(call, stream);
  FACENET_ASSERT(!"a tile of f32Tiles()");
}

}  // namespace facenet::cuda
