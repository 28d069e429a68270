#include "cuda/conv2d/weight_gradient/weight_gradient_kernels.cuh"

namespace facenet::cuda {
namespace {

// XType and GType: of x and g, which are rounded to bf16 where they are float. Pieces: both can be copied 16
// bytes at a time.
template <int Rows, int Columns, int WarpRows, int WarpColumns, int Blocks, class XType = bf16,
          class GType = bf16, bool PiecesType = true>
struct MmaTile {
  using T = bf16;
  using X = XType;
  using G = GType;
  static constexpr bool kPieces = PiecesType;
  static constexpr int kRows = Rows, kColumns = Columns, kPixels = 32, kStages = 4;
  static constexpr int kWarpRows = WarpRows, kWarpColumns = WarpColumns, kBlocks = Blocks;
  static constexpr int kWarpsDown = Rows / WarpRows;
  static constexpr int kThreads = kWarpsDown * (Columns / WarpColumns) * 32;
  static constexpr int kRowMmas = WarpRows / 16, kColumnMmas = WarpColumns / 8;
  static constexpr int kOutputBytes = Rows * kPixels * 2;
  static constexpr int kStageBytes = kOutputBytes + Columns * kPixels * 2;
  static constexpr int kSharedBytes = kStages * kStageBytes;
};

// A warp's part of a tile. A matrix of ldmatrix is eight pixels of eight channels or terms; transposed, a
// lane gets two pixels of one of these, as the mma wants both operands.
template <class Tile>
class WarpSums {
 public:
  using Outputs = SharedPixels<bf16, Tile::kRows>;
  using Terms = SharedPixels<bf16, Tile::kColumns>;

  __device__ __forceinline__ WarpSums() {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    // Of outputs the four matrices are (pixels 0-7, 8-15) x (channels 0-7, 8-15), channels first; of terms
    // pixels first.
    const int outputPixel = lane / 16 * 8 + lane % 8, termPixel = lane % 16;
    outputRow_ = outputPixel * Outputs::kRowBytes;
    outputPiece_ = ((firstRow() / 8 + lane / 8 % 2) ^ Outputs::turn(outputPixel)) * 16;
    termRow_ = Tile::kOutputBytes + termPixel * Terms::kRowBytes;
    termPiece_ = ((firstColumn() / 8 + lane / 16) ^ Terms::turn(termPixel)) * 16;
#pragma unroll
    for (auto& row : sums_)
      for (auto& tile : row)
        for (float& sum : tile) sum = 0.f;
  }

  static __device__ __forceinline__ int firstRow() {
    return static_cast<int>(threadIdx.x) / 32 % Tile::kWarpsDown * Tile::kWarpRows;
  }
  static __device__ __forceinline__ int firstColumn() {
    return static_cast<int>(threadIdx.x) / 32 / Tile::kWarpsDown * Tile::kWarpColumns;
  }

  __device__ __forceinline__ void multiply(const char* stage) {
#pragma unroll
    for (int sixteenth = 0; sixteenth < Tile::kPixels / 16; ++sixteenth) {
      const char* const outputs = stage + outputRow_ + sixteenth * 16 * Outputs::kRowBytes;
      const char* const terms = stage + termRow_ + sixteenth * 16 * Terms::kRowBytes;
      uint32_t a[Tile::kRowMmas][4], b[Tile::kColumnMmas][2];
      // A warp's pieces begin at a multiple of their number, so the next ones differ in bits that are 0.
#pragma unroll
      for (int m = 0; m < Tile::kRowMmas; ++m)
        ptx::loadMatrixTransposed(a[m], outputs + (outputPiece_ ^ m * 32));
#pragma unroll
      for (int n = 0; n < Tile::kColumnMmas; n += 2) {
        uint32_t both[4];
        ptx::loadMatrixTransposed(both, terms + (termPiece_ ^ n * 16));
        b[n][0] = both[0], b[n][1] = both[1];
        b[n + 1][0] = both[2], b[n + 1][1] = both[3];
      }
#pragma unroll
      for (int m = 0; m < Tile::kRowMmas; ++m)
#pragma unroll
        for (int n = 0; n < Tile::kColumnMmas; ++n) ptx::multiplyAdd(ptx::Bf16{}, sums_[m][n], a[m], b[n]);
    }
  }

  // body(row of the tile, column of the tile, two sums)
  template <class Body>
  __device__ __forceinline__ void forEachRun(Body body) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int m = 0; m < Tile::kRowMmas; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int n = 0; n < Tile::kColumnMmas; ++n)
          body(firstRow() + m * 16 + half * 8 + lane / 4, firstColumn() + n * 8 + lane % 4 * 2,
               *reinterpret_cast<float(*)[2]>(&sums_[m][n][half * 2]));
  }

 private:
  static constexpr bool kDistinct =
      (Tile::kWarpRows & (Tile::kWarpRows - 1)) == 0 || Tile::kWarpRows == Tile::kRows;
  static_assert(kDistinct && (Tile::kWarpColumns & (Tile::kWarpColumns - 1)) == 0);

  // Where this lane's row of the first matrices lies in a stage.
  int outputRow_, outputPiece_, termRow_, termPiece_;
  float sums_[Tile::kRowMmas][Tile::kColumnMmas][4];
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

template <class Tile>
bool launchIfTile(const GradientArguments& a, const GradientTile& tile, int splits, int groups,
                  cudaStream_t stream) {
  if (tile.rows != Tile::kRows || tile.columns != Tile::kColumns) return false;
  FACENET_ASSERT(tile.pixels == Tile::kPixels && tile.threads() == Tile::kThreads);
  launch<weightGradientMma<Tile>>(gradientGrid(a, splits, groups), Tile::kThreads, Tile::kSharedBytes, stream,
                                  a);
  return true;
}

template <class X, class G>
using AnyTile = MmaTile<64, 64, 32, 32, 4, X, G, false>;

}  // namespace

void launchGradientMma(const GradientArguments& a, const GradientTile& tile, const GradientSource& source,
                       int splits, int groups, cudaStream_t stream) {
  bool known;
  if (source.pieces)
    known = launchIfTile<MmaTile<128, 128, 64, 64, 2>>(a, tile, splits, groups, stream) ||
            launchIfTile<MmaTile<96, 128, 96, 32, 2>>(a, tile, splits, groups, stream) ||
            launchIfTile<MmaTile<64, 128, 32, 64, 3>>(a, tile, splits, groups, stream) ||
            launchIfTile<MmaTile<128, 64, 64, 32, 3>>(a, tile, splits, groups, stream) ||
            launchIfTile<MmaTile<32, 128, 32, 32, 4>>(a, tile, splits, groups, stream) ||
            launchIfTile<MmaTile<64, 64, 32, 32, 4>>(a, tile, splits, groups, stream);
  else if (source.x == DType::f32)
    known = launchIfTile<AnyTile<float, bf16>>(a, tile, splits, groups, stream);
  else if (source.g == DType::f32)
    known = launchIfTile<AnyTile<bf16, float>>(a, tile, splits, groups, stream);
  else
    known = launchIfTile<AnyTile<bf16, bf16>>(a, tile, splits, groups, stream);
  FACENET_ASSERT(known);
}

}  // namespace facenet::cuda
