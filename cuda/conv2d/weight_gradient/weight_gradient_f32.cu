#include "cuda/conv2d/weight_gradient/weight_gradient_kernels.cuh"

namespace facenet::cuda {
namespace {

// A warp's lanes stand 4 down the rows and 8 across the columns of its 32 x 64 sums. Each has two runs of
// four rows and two of four columns, so that lanes beside each other read and store neighbouring 16 bytes.
constexpr int kLanesDown = 4, kLanesAcross = 8, kRun = 4;
constexpr int kWarpRows = kLanesDown * kRun * 2, kWarpColumns = kLanesAcross * kRun * 2;

template <class Tile>
class LaneSums {
 public:
  static_assert(Tile::kWarpRows == kWarpRows && Tile::kWarpColumns == kWarpColumns);

  __device__ __forceinline__ LaneSums() {
    const int lane = laneOf(), warp = warpOf();
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

template <class Tile, bool Aligned>
void launchTile(const GradientArguments& a, int splits, int groups, cudaStream_t stream) {
  using Operands = GradientOperands<Tile, float, float, float, Aligned>;
  launch<weightGradientF32<Operands>>(gradientGrid(a, splits, groups), Operands::kThreads,
                                      Operands::kSharedBytes, stream, a);
}

}  // namespace

void launchGradientF32(const GradientArguments& a, const GradientTile& tile, const GradientSource& source,
                       int splits, int groups, cudaStream_t stream) {
  if (source.aligned)
    return F32GradientTiles::dispatch(tile.rows, tile.columns, [&]<class Tile>(Tile) {
      launchTile<Tile, true>(a, splits, groups, stream);
    });
  FACENET_ASSERT(tile.rows == SquareF32GradientTile::kRows &&
                 tile.columns == SquareF32GradientTile::kColumns);
  launchTile<SquareF32GradientTile, false>(a, splits, groups, stream);
}

}  // namespace facenet::cuda
