#include <algorithm>

#include "cuda/common/device.cuh"
#include "cuda/matrix_product.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRows = 64, kColumns = 128;  // of a tile; a thread has 4 x 8 of it
constexpr int kSlab = 16;  // of the depth in shared memory at a time, of which there are two slabs
constexpr int kPad = 4;    // keeps rows of a slab on 16 bytes
// Blocks that occupy any device, and the least depth of a part that is worth adding it.
constexpr int64_t kEnoughBlocks = 256, kLeastDepth = 128;

struct alignas(16) Slabs {  // read as float4
  float a[kSlab][kRows + kPad];
  float b[kSlab][kColumns + kPad];
};
struct BothSlabs {
  Slabs of[2];
};

// Four floats, of which the first `valid` exist.
__device__ __forceinline__ float4 loadFour(const float* from, int64_t valid, bool packs) {
  if (packs && valid >= 4) return *reinterpret_cast<const float4*>(from);
  float4 four{0, 0, 0, 0};
  if (valid > 0) four.x = from[0];
  if (valid > 1) four.y = from[1];
  if (valid > 2) four.z = from[2];
  if (valid > 3) four.w = from[3];
  return four;
}

// A thread's share of a slab of Count vectors, on its way through registers: what lies along the depth is turned over.
template <int Count, bool AlongDepth>
class SlabCopy {
 public:
  __device__ __forceinline__ SlabCopy(const Factor& factor, int64_t first, bool packs)
      : factor_(factor), first_(first), packs_(packs) {}

  __device__ __forceinline__ void fetch(int64_t depth, int64_t end) {
#pragma unroll
    for (int c = 0; c < kCopies; ++c) {
      const int64_t i = first_ + vector(c), k = depth + term(c);
      const int64_t valid =
          AlongDepth ? (i < factor_.count ? end - k : 0) : (k < end ? factor_.count - i : 0);
      const int64_t offset = AlongDepth ? i * factor_.stride + k : k * factor_.stride + i;
      held_[c] = loadFour(factor_.data + (valid > 0 ? offset : 0), valid, packs_);
    }
  }

  __device__ __forceinline__ void store(float (&slab)[kSlab][Count + kPad]) const {
#pragma unroll
    for (int c = 0; c < kCopies; ++c) {
      if (!AlongDepth) {
        *reinterpret_cast<float4*>(&slab[term(c)][vector(c)]) = held_[c];
        continue;
      }
      // Lanes have neighbouring vectors, so that these stores meet no bank twice.
      slab[term(c)][vector(c)] = held_[c].x;
      slab[term(c) + 1][vector(c)] = held_[c].y;
      slab[term(c) + 2][vector(c)] = held_[c].z;
      slab[term(c) + 3][vector(c)] = held_[c].w;
    }
  }

 private:
  static constexpr int kCopies = Count * kSlab / 4 / kThreads;
  static constexpr int kAcross = AlongDepth ? Count : Count / 4;  // copies side by side

  static __device__ __forceinline__ int vector(int c) {
    const int across = (static_cast<int>(threadIdx.x) + c * kThreads) % kAcross;
    return AlongDepth ? across : across * 4;
  }
  static __device__ __forceinline__ int term(int c) {
    const int down = (static_cast<int>(threadIdx.x) + c * kThreads) / kAcross;
    return AlongDepth ? down * 4 : down;
  }

  const Factor& factor_;
  int64_t first_;
  bool packs_;
  float4 held_[kCopies];
};

__device__ __forceinline__ void spread(float4 four, float* to) {
  to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}

__device__ __forceinline__ void addSlab(const Slabs& slabs, int row, int column, float (&sums)[4][8]) {
#pragma unroll
  for (int k = 0; k < kSlab; ++k) {
    float left[4], right[8];
    spread(*reinterpret_cast<const float4*>(&slabs.a[k][row]), left);
    spread(*reinterpret_cast<const float4*>(&slabs.b[k][column]), right);
    spread(*reinterpret_cast<const float4*>(&slabs.b[k][column + kColumns / 2]), right + 4);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 8; ++j) sums[i][j] = fmaf(left[i], right[j], sums[i][j]);
  }
}

// blockIdx: row tile, column tile, part.
// Registers: at most 128.
template <bool ADepth, bool BDepth>
__global__ void __launch_bounds__(kThreads, 2)
    matrixProductKernel(Factor a, Factor b, int64_t depth, int64_t partDepth, bool aPacks, bool bPacks,
                        bool add, float* out) {
  BothSlabs& slabs = shared<BothSlabs>();
  const int64_t rowFirst = int64_t{blockIdx.x} * kRows, columnFirst = int64_t{blockIdx.y} * kColumns;
  const int64_t begin = int64_t{blockIdx.z} * partDepth, end = min(begin + partDepth, depth);
  SlabCopy<kRows, ADepth> ofA(a, rowFirst, aPacks);
  SlabCopy<kColumns, BDepth> ofB(b, columnFirst, bPacks);
  const int row = static_cast<int>(threadIdx.x) / 16 * 4, column = static_cast<int>(threadIdx.x) % 16 * 4;
  float sums[4][8] = {};
  ofA.fetch(begin, end);
  ofB.fetch(begin, end);
  ofA.store(slabs.of[0].a);
  ofB.store(slabs.of[0].b);
  __syncthreads();
  int buffer = 0;
  for (int64_t at = begin; at < end; at += kSlab, buffer ^= 1) {
    const bool more = at + kSlab < end;
    if (more) {
      ofA.fetch(at + kSlab, end);
      ofB.fetch(at + kSlab, end);
    }
    addSlab(slabs.of[buffer], row, column, sums);
    if (more) {
      ofA.store(slabs.of[buffer ^ 1].a);
      ofB.store(slabs.of[buffer ^ 1].b);
    }
    __syncthreads();
  }
  out += int64_t{blockIdx.z} * a.count * b.count;
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const int64_t y = rowFirst + row + i, x = columnFirst + column + j % 4 + j / 4 * (kColumns / 2);
      if (y >= a.count || x >= b.count) continue;
      float& to = out[y * b.count + x];
      to = add ? to + sums[i][j] : sums[i][j];
    }
}

// Registers: at most 40.
__global__ void __launch_bounds__(kThreads)
    addPartsKernel(const float* parts, int64_t splits, int64_t elements, bool add, float* out) {
  const int64_t index = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= elements) return;
  float sum = add ? out[index] : 0;
  for (int64_t part = 0; part < splits; ++part) sum += parts[part * elements + index];
  out[index] = sum;
}

bool packs(const Factor& factor) {
  return factor.stride % 4 == 0 && reinterpret_cast<uintptr_t>(factor.data) % 16 == 0;
}

}  // namespace

int64_t productSplits(int64_t rows, int64_t columns, int64_t depth) {
  const int64_t tiles = ceilDivide(rows, kRows) * ceilDivide(columns, kColumns);
  return std::clamp<int64_t>(depth / kLeastDepth, 1, ceilDivide(kEnoughBlocks, std::max<int64_t>(tiles, 1)));
}

void multiply(const Factor& a, const Factor& b, int64_t depth, bool add, float* parts, float* out,
              cudaStream_t stream) {
  const int64_t rowTiles = ceilDivide(a.count, kRows), columnTiles = ceilDivide(b.count, kColumns);
  FACENET_ASSERT(depth > 0 && rowTiles < (int64_t{1} << 31) && columnTiles <= 65535);
  FACENET_ASSERT(a.alongDepth || !b.alongDepth);
  if (rowTiles == 0 || columnTiles == 0) return;
  const int64_t splits = productSplits(a.count, b.count, depth), elements = a.count * b.count;
  const int64_t partDepth = roundUp(ceilDivide(depth, splits), int64_t{kSlab});
  const dim3 grid(static_cast<unsigned>(rowTiles), static_cast<unsigned>(columnTiles),
                  static_cast<unsigned>(splits));
  const auto run = [&]<bool ADepth, bool BDepth>(std::bool_constant<ADepth>, std::bool_constant<BDepth>) {
    launch<matrixProductKernel<ADepth, BDepth>>(grid, kThreads, 0, stream, a, b, depth, partDepth, packs(a),
                                                packs(b), splits == 1 && add, splits == 1 ? out : parts);
  };
  if (b.alongDepth)
    run(std::true_type(), std::true_type());
  else
    a.alongDepth ? run(std::true_type(), std::false_type()) : run(std::false_type(), std::false_type());
  if (splits == 1) return;
  const int64_t blocks = ceilDivide(elements, kThreads);
  FACENET_ASSERT(blocks < (int64_t{1} << 31));
  launch<addPartsKernel>(static_cast<unsigned>(blocks), kThreads, 0, stream, parts, splits, elements, add,
                         out);
}

}  // namespace facenet::cuda
