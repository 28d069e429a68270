#include "cuda/conv2d/weight_gradient/weight_gradient_kernels.cuh"

namespace facenet::cuda {
namespace {

// A warp's part of a tile. A matrix of ldmatrix is eight pixels of eight channels or terms; transposed, a
// lane gets two pixels of one of these, as the mma wants both operands.
template <class Tile>
class WarpSums {
 public:
  using Outputs = SwizzledRows<bf16, Tile::kRows>;
  using Terms = SwizzledRows<bf16, Tile::kColumns>;
  // mma.sync instructions of 16 pixels, 16 x 8 sums each.
  static constexpr int kRowMmas = Tile::kWarpRows / 16, kColumnMmas = Tile::kWarpColumns / 8;

  __device__ __forceinline__ WarpSums() {
    const int lane = laneOf();
    // Of outputs the four matrices are (pixels 0-7, 8-15) x (channels 0-7, 8-15), channels first; of terms
    // pixels first.
    const int outputPixel = lane / 16 * 8 + lane % 8, termPixel = lane % 16;
    outputRow_ = outputPixel * Outputs::kRowBytes;
    outputChunk_ = ((firstRow() / 8 + lane / 8 % 2) ^ Outputs::swizzle(outputPixel)) * 16;
    termRow_ = Tile::kOutputBytes + termPixel * Terms::kRowBytes;
    termChunk_ = ((firstColumn() / 8 + lane / 16) ^ Terms::swizzle(termPixel)) * 16;
#pragma unroll
    for (auto& row : sums_)
      for (auto& tile : row)
        for (float& sum : tile) sum = 0.f;
  }

  static __device__ __forceinline__ int firstRow() { return warpOf() % Tile::kWarpsDown * Tile::kWarpRows; }
  static __device__ __forceinline__ int firstColumn() {
    return warpOf() / Tile::kWarpsDown * Tile::kWarpColumns;
  }

  __device__ __forceinline__ void multiply(const char* stage) {
#pragma unroll
    for (int k16 = 0; k16 < Tile::kPixels / 16; ++k16) {
      const char* const outputs = stage + outputRow_ + k16 * 16 * Outputs::kRowBytes;
      const char* const terms = stage + termRow_ + k16 * 16 * Terms::kRowBytes;
      uint32_t a[kRowMmas][4], b[kColumnMmas][2];
      // A warp's chunks begin at a multiple of their number, so the next ones differ in bits that are 0.
#pragma unroll
      for (int m = 0; m < kRowMmas; ++m) ptx::loadMatrixTransposed(a[m], outputs + (outputChunk_ ^ m * 32));
#pragma unroll
      for (int n = 0; n < kColumnMmas; n += 2) {
        uint32_t both[4];
        ptx::loadMatrixTransposed(both, terms + (termChunk_ ^ n * 16));
        b[n][0] = both[0], b[n][1] = both[1];
        b[n + 1][0] = both[2], b[n + 1][1] = both[3];
      }
#pragma unroll
      for (int m = 0; m < kRowMmas; ++m)
#pragma unroll
        for (int n = 0; n < kColumnMmas; ++n) ptx::multiplyAdd(ptx::Bf16{}, sums_[m][n], a[m], b[n]);
    }
  }

  // body(row of the tile, column of the tile, two sums)
  template <class Body>
  __device__ __forceinline__ void forEachRun(Body body) {
    const int lane = laneOf();
#pragma unroll
    for (int m = 0; m < kRowMmas; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int n = 0; n < kColumnMmas; ++n)
          body(firstRow() + m * 16 + half * 8 + lane / 4, firstColumn() + n * 8 + lane % 4 * 2,
               *reinterpret_cast<float(*)[2]>(&sums_[m][n][half * 2]));
  }

 private:
  static constexpr bool kDistinct =
      (Tile::kWarpRows & (Tile::kWarpRows - 1)) == 0 || Tile::kWarpRows == Tile::kRows;
  static_assert(kDistinct && (Tile::kWarpColumns & (Tile::kWarpColumns - 1)) == 0);

  // Where this lane's row of the first matrices lies in a stage.
  int outputRow_, outputChunk_, termRow_, termChunk_;
  float sums_[kRowMmas][kColumnMmas][4];
};

// Grid: tiles x splits x groups.
// Registers: at most 256. Of that, each tile has what its blocks leave it.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) weightGradientMma(GradientArguments a) {
  const GradientBlock<Tile> block(a);
  WarpSums<Tile> product;
  block.forEachStage(a, [&](const char* stage) { product.multiply(stage); });
  storeSums(a, block, product);
}

template <class Tile, class X, class G, bool Aligned>
void launchTile(const GradientArguments& a, int splits, int groups, cudaStream_t stream) {
  using Operands = GradientOperands<Tile, bf16, X, G, Aligned>;
  launch<weightGradientMma<Operands>>(gradientGrid(a, splits, groups), Operands::kThreads,
                                      Operands::kSharedBytes, stream, a);
}

}  // namespace

void launchGradientMma(const GradientArguments& a, const GradientTile& tile, const GradientSource& source,
                       int splits, int groups, cudaStream_t stream) {
  if (source.aligned)
    return MmaGradientTiles::dispatch(tile.rows, tile.columns, [&]<class Tile>(Tile) {
      launchTile<Tile, bf16, bf16, true>(a, splits, groups, stream);
    });
  using Square = SquareMmaGradientTile;
  FACENET_ASSERT(tile.rows == Square::kRows && tile.columns == Square::kColumns);
  if (source.x == DType::f32) return launchTile<Square, float, bf16, false>(a, splits, groups, stream);
  if (source.g == DType::f32) return launchTile<Square, bf16, float, false>(a, splits, groups, stream);
  launchTile<Square, bf16, bf16, false>(a, splits, groups, stream);
}

}  // namespace facenet::cuda
