#include <algorithm>

#include "cuda/common/channels.cuh"
#include "cuda/conv2d/data_gradient/end_gradient.cuh"

namespace facenet::cuda {
namespace {

// Pieces of pixels whose sums of g are added up by a second kernel: enough to fill a large device, each of
// enough pixels for a block.
constexpr int64_t kMostPieces = 512, kLeastPiecePixels = 256;
constexpr int kBlocksAnSm = 2;  // leaves 128 registers a thread
// Pixels of a thread whose loads are under way at once.
constexpr int kPixels = 4;
// The second kernel's blocks have kChannels channels, and add kRows runs of pieces at once.
constexpr int kChannels = 8, kRows = 32;

struct Arguments {
  void *dy, *residual;
  const void* y;
  int64_t yStride, dyStride, residualStride;
  int64_t piecePixels;
  Activation::Kind activation;
  float factor;
  bool accumulate, writes;  // writes: dy changes
  float* partial;           // pieces x channels; null: no bias
};

// The sums of a block's threads, of each of their N channels. Lanes that read the N channels of some threads
// find them in different banks.
template <int N>
struct Partial {
  static constexpr int kPitch = kWalkThreads + 32 / N;
  float of[N][kPitch];
};

// Whether the activation's input had an effect on its result y.
__device__ __forceinline__ bool passes(Activation::Kind kind, float y) {
  return y > 0.f && (kind == Activation::Kind::relu || y < 6.f);
}

// The sums of all threads that have the same channels, in the order of their pixels.
template <int N>
__device__ __forceinline__ void storePartial(const Walk& walk, const float (&sums)[N], float* partial) {
  auto& all = shared<Partial<N>>();
#pragma unroll
  for (int i = 0; i < N; ++i) all.of[i][threadIdx.x] = sums[i];
  __syncthreads();
  const int across = walk.groups * N;
  for (int i = static_cast<int>(threadIdx.x); i < across; i += static_cast<int>(blockDim.x)) {
    const int channel = static_cast<int>(blockIdx.y) * across + i;
    if (channel >= walk.channels) break;
    float sum = 0.f;
    for (int row = 0; row < walk.pixelsAStep; ++row) sum += all.of[i % N][row * walk.groups + i / N];
    partial[int64_t{blockIdx.x} * walk.channels + channel] = sum;
  }
}

// A block has a piece of the pixels.
// Registers: at most 96.
template <class T, class R, int N>
__global__ void __launch_bounds__(kWalkThreads, kBlocksAnSm) endGradientKernel(Arguments a, Walk walk) {
  const Walker<N> walker(walk);
  const T* const y = static_cast<const T*>(a.y) + walker.channel;
  T* const dy = static_cast<T*>(a.dy) + walker.channel;
  R* const residual = static_cast<R*>(a.residual) + walker.channel;
  const int64_t begin = int64_t{blockIdx.x} * a.piecePixels;
  const int64_t end = walker.valid > 0 ? min(begin + a.piecePixels, walk.pixels) : 0;
  const bool masks = a.activation != Activation::Kind::none;
  float sums[N] = {};
  for (int64_t first = begin + static_cast<int>(threadIdx.x) / walk.groups; first < end;
       first += kPixels * walker.stride) {
    Pack<T, N> ys[kPixels], gs[kPixels];
#pragma unroll
    for (int k = 0; k < kPixels; ++k) {
      const int64_t pixel = first + k * walker.stride;
      if (pixel >= end) break;
      gs[k] = loadPack<N>(dy + pixel * a.dyStride);
      if (masks) ys[k] = loadPack<N>(y + pixel * a.yStride);
    }
#pragma unroll
    for (int k = 0; k < kPixels; ++k) {
      const int64_t pixel = first + k * walker.stride;
      if (pixel >= end) break;
      float g[N];
      unpack(gs[k], g);
      if (masks) {
        float value[N];
        unpack(ys[k], value);
#pragma unroll
        for (int i = 0; i < N; ++i) g[i] = passes(a.activation, value[i]) ? g[i] : 0.f;
      }
      if (a.residual) {
        float through[N] = {};
        if (a.accumulate) unpack(loadPack<N>(residual + pixel * a.residualStride), through);
#pragma unroll
        for (int i = 0; i < N; ++i) through[i] += g[i];
        storeNumbers(through, walker.valid, residual + pixel * a.residualStride);
      }
      if (a.writes) {
        Pack<T, N> stored;
#pragma unroll
        for (int i = 0; i < N; ++i) g[i] *= a.factor;
        storeNumbers(g, walker.valid, dy + pixel * a.dyStride);
        pack(g, stored);
        unpack(stored, g);
      }
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += g[i];
    }
  }
  if (a.partial) storePartial(walk, sums, a.partial);
}

struct Rows {
  float of[kRows][kChannels];
};

// bias[c] += the sum of all pieces, in a fixed order.
// Registers: at most 64.
__global__ void __launch_bounds__(kChannels* kRows)
    addPieces(const float* partial, int pieces, int channels, float* bias) {
  auto& rows = shared<Rows>();
  const int lane = static_cast<int>(threadIdx.x) % kChannels, row = static_cast<int>(threadIdx.x) / kChannels;
  const int channel = static_cast<int>(blockIdx.x) * kChannels + lane;
  float sum = 0.f;
  if (channel < channels)
#pragma unroll 8
    for (int piece = row; piece < pieces; piece += kRows) sum += partial[int64_t{piece} * channels + channel];
  rows.of[row][lane] = sum;
  __syncthreads();
  if (row > 0 || channel >= channels) return;
  for (int other = 1; other < kRows; ++other) sum += rows.of[other][lane];
  bias[channel] += sum;
}

int64_t piecesOf(const Shape& y, int64_t count) {
  return std::clamp<int64_t>(count * y.pixels() / kLeastPiecePixels, 1, kMostPieces);
}

template <class T, class R>
void launchTypes(const EndGradientCall& call, Arguments a, cudaStream_t stream) {
  constexpr int kWide = kPackedChannels<T, R>;
  const bool packed = (!a.y || packs<T, kWide>(call.y)) && packs<T, kWide>(call.dy) &&
                      (!a.residual || packs<R, kWide>(call.residual));
  withWidth<kWide>(packed, [&]<int N>(Width<N>) {
    WalkLaunch w = walkOver<N>(call.dy);
    const int64_t least = int64_t{w.walk.pixelsAStep} * kPixels;
    // Without a bias any cut will do: one step a block.
    a.piecePixels = a.partial ? (w.walk.pixels + a.piecePixels - 1) / a.piecePixels : least;
    w.grid.x = static_cast<unsigned>((w.walk.pixels + a.piecePixels - 1) / a.piecePixels);
    launch<endGradientKernel<T, R, N>>(w.grid, w.threads, 0, stream, a, w.walk);
    if (a.partial)
      launch<addPieces>(static_cast<unsigned>((w.walk.channels + kChannels - 1) / kChannels),
                        kChannels * kRows, 0, stream, static_cast<const float*>(a.partial),
                        static_cast<int>(w.grid.x), w.walk.channels, call.bias);
  });
}

}  // namespace

int64_t endGradientScratch(const Shape& y, int64_t count) {
  return piecesOf(y, count) * y.channels * 4;
}

void endGradient(const EndGradientCall& call, cudaStream_t stream) {
  const View &y = call.y, &dy = call.dy, &residual = call.residual;
  const bool masks = call.activation != Activation::Kind::none, writes = masks || call.factor != 1;
  FACENET_ASSERT(!masks || call.activation == Activation::Kind::relu ||
                 call.activation == Activation::Kind::relu6);
  FACENET_ASSERT(!masks || (y.dtype == dy.dtype && y.count == dy.count && y.shape == dy.shape));
  FACENET_ASSERT(!residual.data || (residual.count == dy.count && residual.shape == dy.shape));
  FACENET_ASSERT(!call.bias || call.scratch);
  if (dy.count * dy.shape.elements() == 0 || !(writes || residual.data || call.bias)) return;
  const Arguments a{.dy = dy.data,
                    .residual = residual.data,
                    .y = masks ? y.data : nullptr,
                    .yStride = y.pixelStride,
                    .dyStride = dy.pixelStride,
                    .residualStride = residual.pixelStride,
                    .piecePixels = piecesOf(dy.shape, dy.count),
                    .activation = call.activation,
                    .factor = call.factor,
                    .accumulate = call.accumulateResidual,
                    .writes = writes,
                    .partial = call.bias ? static_cast<float*>(call.scratch) : nullptr};
  const DType residualType = residual.data ? residual.dtype : dy.dtype;
  if (dy.dtype == DType::bf16 && residualType == DType::bf16) return launchTypes<bf16, bf16>(call, a, stream);
  FACENET_ASSERT(dy.dtype == DType::f32);
  if (residualType == DType::bf16) return launchTypes<float, bf16>(call, a, stream);
  FACENET_ASSERT(residualType == DType::f32);
  launchTypes<float, float>(call, a, stream);
}

}  // namespace facenet::cuda
