#include "cuda/conv2d/weight_gradient/weight_gradient_kernels.cuh"

namespace facenet::cuda {
namespace {

// A warp's lanes stand 4 down the rows and 8 across the columns of its 32 x 64 sums. Each has two runs of
// four rows and two of four columns, so that lanes beside each other read and store neighbouring 16 bytes.
constexpr int kLanesDown = 4, kLanesAcross = 8, kRun = 4;
constexpr int kWarpRows = kLanesDown * kRun * 2, kWarpColumns = kLanesAcross * kRun * 2;

template <int Rows, int Columns, int Stages, int Blocks, bool PiecesType = true>
struct F32Tile {
  using T = float;
  using X = float;
  using G = float;
  static constexpr bool kPieces = PiecesType;
  static constexpr int kRows = Rows, kColumns = Columns, kPixels = 16, kStages = Stages, kBlocks = Blocks;
  static constexpr int kWarpsDown = Rows / kWarpRows;
  static constexpr int kThreads = kWarpsDown * (Columns / kWarpColumns) * 32;
  static constexpr int kOutputBytes = Rows * kPixels * 4;
  static constexpr int kStageBytes = kOutputBytes + Columns * kPixels * 4;
  static constexpr int kSharedBytes = kStages * kStageBytes;
};

template <class Tile>
class LaneSums {
 public:
  __device__ __forceinline__ LaneSums() {
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    row_ = warp % Tile::kWarpsDown * kWarpRows + lane % kLanesDown * kRun;
    column_ = warp / Tile::kWarpsDown * kWarpColumns + lane / kLanesDown * kRun;
#pragma unroll
    for (auto& row : sums_)
      for (auto& run : row)
        for (float& sum : run) sum = 0.f;
  }

  __device__ __forceinline__ void multiply(const char* stage) {
    const auto* outputs = reinterpret_cast<const float*>(stage) + row_;
    const auto* terms = reinterpret_cast<const float*>(stage + Tile::kOutputBytes) + column_;
#pragma unroll 2
    for (int pixel = 0; pixel < Tile::kPixels; ++pixel) {
      float a[2][kRun], b[2][kRun];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        unpack(loadPack<kRun>(outputs + pixel * Tile::kRows + half * kLanesDown * kRun), a[half]);
        unpack(loadPack<kRun>(terms + pixel * Tile::kColumns + half * kLanesAcross * kRun), b[half]);
      }
#pragma unroll
      for (int i = 0; i < 2 * kRun; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
          for (int j = 0; j < kRun; ++j) sums_[i][half][j] += a[i / kRun][i % kRun] * b[half][j];
    }
  }

  // body(row of the tile, column of the tile, four sums)
  template <class Body>
  __device__ __forceinline__ void forEachRun(Body body) {
#pragma unroll
    for (int i = 0; i < 2 * kRun; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        body(row_ + i / kRun * kLanesDown * kRun + i % kRun, column_ + half * kLanesAcross * kRun,
             sums_[i][half]);
  }

 private:
  int row_, column_;
  float sums_[2 * kRun][2][kRun];
};

// Grid: tiles x splits x groups.
// Registers: at most 128.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) weightGradientF32(GradientArguments a) {
  const GradientBlock<Tile> block(a);
  LaneSums<Tile> product;
  block.forEachStage(a, [&](const char* stage) { product.multiply(stage); });
  storeSums(a, block, product);
}

template <class Tile>
bool launchIfTile(const GradientArguments& a, const GradientTile& tile, int splits, int groups,
                  cudaStream_t stream) {
  if (tile.rows != Tile::kRows || tile.columns != Tile::kColumns) return false;
  FACENET_ASSERT(tile.pixels == Tile::kPixels && tile.threads() == Tile::kThreads);
  launch<weightGradientF32<Tile>>(gradientGrid(a, splits, groups), Tile::kThreads, Tile::kSharedBytes, stream,
                                  a);
  return true;
}

}  // namespace

void launchGradientF32(const GradientArguments& a, const GradientTile& tile, const GradientSource& source,
                       int splits, int groups, cudaStream_t stream) {
  bool known;
  if (source.pieces)
    known = launchIfTile<F32Tile<128, 128, 3, 2>>(a, tile, splits, groups, stream) ||
            launchIfTile<F32Tile<64, 128, 3, 4>>(a, tile, splits, groups, stream) ||
            launchIfTile<F32Tile<64, 64, 4, 6>>(a, tile, splits, groups, stream) ||
            launchIfTile<F32Tile<32, 64, 4, 8>>(a, tile, splits, groups, stream);
  else
    known = launchIfTile<F32Tile<64, 64, 4, 6, false>>(a, tile, splits, groups, stream);
  FACENET_ASSERT(known);
}

}  // namespace facenet::cuda
