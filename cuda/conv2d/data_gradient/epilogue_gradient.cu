#include <algorithm>

#include "cuda/common/pixel_grid.cuh"
#include "cuda/conv2d/data_gradient/epilogue_gradient.cuh"

namespace facenet::cuda {
namespace {

// Splits of the pixels, whose sums of g a second kernel adds up: enough to fill a large device, each of enough pixels
// for a block.
constexpr int64_t kMaxSplits = 512, kMinSplitPixels = 256;
constexpr int kBlocksPerSm = 2;  // leaves 128 registers per thread
// Pixels of a thread whose loads are under way at once.
constexpr int kPixels = 4;
// The second kernel's blocks have kChannels channels, and add kRows runs of splits at once.
constexpr int kChannels = 8, kRows = 32;

struct Arguments {
  void *dy, *residual;
  const void* y;
  int64_t yStride, dyStride, residualStride;
  int64_t splitPixels;
  Activation::Kind activation;
  float factor;
  bool accumulate, writes;  // writes: dy changes
  float* partial;           // splits x channels; null: no bias
};

// The sums of a block's threads, of each of their N channels. Lanes that read the N channels of some threads
// find them in different banks.
template <int N>
struct Partial {
  static constexpr int kPitch = kPixelThreads + kWarpSize / N;
  float of[N][kPitch];
};

// Whether the activation's input had an effect on its result y.
__device__ __forceinline__ bool passes(Activation::Kind kind, float y) {
  return y > 0.f && (kind == Activation::Kind::relu || y < 6.f);
}

// The sums of all threads that have the same channels, in the order of their pixels.
template <int N>
__device__ __forceinline__ void storePartial(const PixelGrid& grid, const float (&sums)[N], float* partial) {
  auto& all = shared<Partial<N>>();
#pragma unroll
  for (int i = 0; i < N; ++i) all.of[i][threadIdx.x] = sums[i];
  __syncthreads();
  const int across = grid.groups * N;
  for (int i = static_cast<int>(threadIdx.x); i < across; i += static_cast<int>(blockDim.x)) {
    const int channel = static_cast<int>(blockIdx.y) * across + i;
    if (channel >= grid.channels) break;
    float sum = 0.f;
    for (int row = 0; row < grid.pixelsPerStep; ++row) sum += all.of[i % N][row * grid.groups + i / N];
    partial[int64_t{blockIdx.x} * grid.channels + channel] = sum;
  }
}

// One block per split of the pixels.
// Registers: at most 96.
template <class T, class R, int N>
__global__ void __launch_bounds__(kPixelThreads, kBlocksPerSm)
    epilogueGradientKernel(Arguments a, PixelGrid grid) {
  const PixelThread<N> thread(grid);
  const T* const y = static_cast<const T*>(a.y) + thread.channel;
  T* const dy = static_cast<T*>(a.dy) + thread.channel;
  R* const residual = static_cast<R*>(a.residual) + thread.channel;
  const int64_t begin = int64_t{blockIdx.x} * a.splitPixels;
  const int64_t end = thread.valid > 0 ? min(begin + a.splitPixels, grid.pixels) : 0;
  const bool masks = a.activation != Activation::Kind::none;
  float sums[N] = {};
  for (int64_t first = begin + static_cast<int>(threadIdx.x) / grid.groups; first < end;
       first += kPixels * thread.stride) {
    Pack<T, N> ys[kPixels], gs[kPixels];
#pragma unroll
    for (int k = 0; k < kPixels; ++k) {
      const int64_t pixel = first + k * thread.stride;
      if (pixel >= end) break;
      gs[k] = loadPack<N>(dy + pixel * a.dyStride);
      if (masks) ys[k] = loadPack<N>(y + pixel * a.yStride);
    }
#pragma unroll
    for (int k = 0; k < kPixels; ++k) {
      const int64_t pixel = first + k * thread.stride;
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
        storeNumbers(through, thread.valid, residual + pixel * a.residualStride);
      }
      if (a.writes) {
        Pack<T, N> stored;
#pragma unroll
        for (int i = 0; i < N; ++i) g[i] *= a.factor;
        storeNumbers(g, thread.valid, dy + pixel * a.dyStride);
        pack(g, stored);
        unpack(stored, g);
      }
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += g[i];
    }
  }
  if (a.partial) storePartial(grid, sums, a.partial);
}

struct Rows {
  float of[kRows][kChannels];
};

// bias[c] += the sum of all splits, in a fixed order.
// Registers: at most 64.
__global__ void __launch_bounds__(kChannels* kRows)
    addBiasSplits(const float* partial, int splits, int channels, float* bias) {
  auto& rows = shared<Rows>();
  const int lane = static_cast<int>(threadIdx.x) % kChannels, row = static_cast<int>(threadIdx.x) / kChannels;
  const int channel = static_cast<int>(blockIdx.x) * kChannels + lane;
  float sum = 0.f;
  if (channel < channels)
#pragma unroll 8
    for (int split = row; split < splits; split += kRows) sum += partial[int64_t{split} * channels + channel];
  rows.of[row][lane] = sum;
  __syncthreads();
  if (row > 0 || channel >= channels) return;
  for (int other = 1; other < kRows; ++other) sum += rows.of[other][lane];
  bias[channel] += sum;
}

int64_t splitsOf(const Shape& y, int64_t count) {
  return std::clamp<int64_t>(count * y.pixels() / kMinSplitPixels, 1, kMaxSplits);
}

template <class T, class R>
void launchTypes(const EpilogueGradientCall& call, Arguments a, cudaStream_t stream) {
  constexpr int kWide = kPackedChannels<T, R>;
  const bool packed = (!a.y || packs<T, kWide>(call.y)) && packs<T, kWide>(call.dy) &&
                      (!a.residual || packs<R, kWide>(call.residual));
  withWidth<kWide>(packed, [&]<int N>(Width<N>) {
    PixelLaunch w = pixelLaunch<N>(call.dy);
    const int64_t stepPixels = int64_t{w.grid.pixelsPerStep} * kPixels;
    // Without a bias any cut will do: one step per block.
    a.splitPixels = a.partial ? ceilDivide(w.grid.pixels, a.splitPixels) : stepPixels;
    w.blocks.x = static_cast<unsigned>(ceilDivide(w.grid.pixels, a.splitPixels));
    launch<epilogueGradientKernel<T, R, N>>(w.blocks, w.threads, 0, stream, a, w.grid);
    if (a.partial)
      launch<addBiasSplits>(static_cast<unsigned>(ceilDivide(w.grid.channels, kChannels)), kChannels * kRows,
                            0, stream, static_cast<const float*>(a.partial), static_cast<int>(w.blocks.x),
                            w.grid.channels, call.bias);
  });
}

}  // namespace

int64_t epilogueGradientScratch(const Shape& y, int64_t count) {
  return splitsOf(y, count) * y.channels * 4;
}

void epilogueGradient(const EpilogueGradientCall& call, cudaStream_t stream) {
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
                    .splitPixels = splitsOf(dy.shape, dy.count),
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
