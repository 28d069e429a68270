#include <algorithm>

#include "cuda/common/pixel_grid.cuh"
#include "cuda/conv2d/common/pack_weights.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksPerSm = 4;    // leaves 64 registers per thread
constexpr int kTileChannels = 32;  // of a tile: their packed neighbours fill sectors
constexpr int kMaxTaps = 64;       // of a tile
constexpr int kTileFloats = 4096;  // that a tile should have

struct Taps {
  int across, firstY, stepY, firstX, stepX;
  int kernelHeight, kernelWidth;

  // Among the stored taps; -1: none.
  __device__ __forceinline__ int stored(int tap) const {
    const int y = firstY + tap / across * stepY, x = firstX + tap % across * stepX;
    const bool inside = static_cast<unsigned>(y) < static_cast<unsigned>(kernelHeight) &&
                        static_cast<unsigned>(x) < static_cast<unsigned>(kernelWidth);
    return inside ? y * kernelWidth + x : -1;
  }
};

struct Arguments {
  const float* weight;
  int64_t groupStride, rowStride, channelStride;  // of the stored weights
  int rows, channels;                             // of a group that are stored
  float factor;
  int columns, taps, tapTerms;
  Taps tapsOf;
  // Tiles are rows x kTileChannels x taps.
  bool transposed;
  int tileRows, tileTaps, channelTiles;
};

// A tile in shared memory. Stored neighbours are neighbours here, and channels an odd number of floats apart.
struct TileLayout {
  int channelStride, rowStride;

  __host__ __device__ TileLayout(bool transposed, int rows, int taps) {
    channelStride = transposed ? rows * taps | 1 : taps | 1;
    rowStride = transposed ? taps : kTileChannels * channelStride;
  }
};

// Loads a tile in the order in which its weights are stored, and stores it in the order of the rows.
// Registers: at most 48.
template <class T>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm) packWeightsKernel(Arguments a, T* to) {
  constexpr int N = 16 / sizeof(T);
  auto* const tile = reinterpret_cast<float*>(dynamicShared());
  const int firstRow = static_cast<int>(blockIdx.x) / a.channelTiles * a.tileRows;
  const int firstChannel = static_cast<int>(blockIdx.x) % a.channelTiles * kTileChannels;
  const int firstTap = static_cast<int>(blockIdx.y) * a.tileTaps, group = static_cast<int>(blockIdx.z);
  const int taps = min(a.tileTaps, a.taps - firstTap);
  const TileLayout layout(a.transposed, a.tileRows, a.tileTaps);

  const float* const weight = a.weight + group * a.groupStride;
  const int inner = a.transposed ? a.tileRows : kTileChannels;
  for (int i = static_cast<int>(threadIdx.x); i < taps * kTileChannels * a.tileRows; i += kThreads) {
    const int tap = i % taps, next = i / taps % inner, last = i / taps / inner;
    const int row = a.transposed ? next : last, channel = a.transposed ? last : next;
    const int stored = a.tapsOf.stored(firstTap + tap);
    const bool exists = stored >= 0 && firstRow + row < a.rows && firstChannel + channel < a.channels;
    tile[row * layout.rowStride + channel * layout.channelStride + tap] =
        exists
            ? weight[(firstRow + row) * a.rowStride + (firstChannel + channel) * a.channelStride + stored] *
                  a.factor
            : 0.f;
  }
  __syncthreads();

  constexpr int kPacks = kTileChannels / N;
  for (int i = static_cast<int>(threadIdx.x); i < kPacks * taps * a.tileRows; i += kThreads) {
    const int channel = i % kPacks * N, tap = i / kPacks % taps, row = i / kPacks / taps;
    if (firstRow + row >= a.columns || firstChannel + channel >= a.tapTerms) continue;
    float numbers[N];
#pragma unroll
    for (int k = 0; k < N; ++k)
      numbers[k] = tile[row * layout.rowStride + (channel + k) * layout.channelStride + tap];
    const int64_t packedRow = int64_t{group} * a.columns + firstRow + row;
    storeNumbers(numbers, N,
                 to + (packedRow * a.taps + firstTap + tap) * a.tapTerms + firstChannel + channel);
  }
}

struct StemArguments {
  int outChannels, inChannels, kernelHeight, kernelWidth;
  float factor;
  bool halves;
  int columns, rowTerms, terms;
};

// StemLayout read backwards: one thread per packed weight.
// Registers: at most 32.
template <class T>
__global__ void __launch_bounds__(kThreads, 8) packStemKernel(const float* weight, StemArguments a, T* to) {
  const int index = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (index >= a.columns * a.terms) return;
  const int column = a.halves ? index / a.terms : index % a.columns;
  const int term = a.halves ? index % a.terms : index / a.columns;
  const int ky = term / a.rowTerms, inRow = term % a.rowTerms;
  const int kx = inRow / a.inChannels, channel = inRow % a.inChannels;
  float number[1] = {0.f};
  if (column < a.outChannels && kx < a.kernelWidth)
    number[0] =
        weight[((column * a.inChannels + channel) * a.kernelHeight + ky) * a.kernelWidth + kx] * a.factor;
  pack(number, to[index]);
}

// Registers: at most 24.
__global__ void __launch_bounds__(kThreads, 8)
    packBiasKernel(const float* bias, int channels, float factor, int columns, int total, float* to) {
  const int index = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (index >= total) return;
  const int group = index / columns, column = index % columns;
  to[index] = column < channels ? bias[group * channels + column] * factor : 0.f;
}

Arguments argumentsOf(const PackCall& call) {
  const int64_t outChannels = call.outChannels / call.groups;  // of a group
  const int64_t kernelTaps = call.kernelHeight * call.kernelWidth, row = call.inChannels * kernelTaps;
  const int64_t taps = call.tapsDown.count * call.tapsAcross.count;
  Arguments a{};
  a.weight = call.weight;
  a.groupStride = outChannels * row;
  a.rowStride = call.transposed ? kernelTaps : row;
  a.channelStride = call.transposed ? row : kernelTaps;
  a.rows = toInt(call.transposed ? call.inChannels : outChannels);
  a.channels = toInt(call.transposed ? outChannels : call.inChannels);
  a.factor = call.factor;
  a.columns = toInt(call.columns), a.taps = toInt(taps), a.tapTerms = toInt(call.tapTerms);
  a.tapsOf = {toInt(call.tapsAcross.count),
              toInt(call.tapsDown.first),
              static_cast<int>(call.tapsDown.step),
              toInt(call.tapsAcross.first),
              static_cast<int>(call.tapsAcross.step),
              toInt(call.kernelHeight),
              toInt(call.kernelWidth)};
  a.transposed = call.transposed;
  a.tileTaps = std::min(a.taps, kMaxTaps);
  a.tileRows = std::clamp(kTileFloats / (kTileChannels * a.tileTaps), 1, std::min(a.columns, 32));
  if (a.tileRows > 8) a.tileRows -= a.tileRows % 8;  // runs of transposed tiles then begin with a sector
  a.channelTiles = toInt(ceilDivide(call.tapTerms, kTileChannels));
  FACENET_ASSERT(call.outChannels % call.groups == 0 && call.groups <= 65535 && taps > 0);
  FACENET_ASSERT(a.rows <= call.columns && a.channels <= call.tapTerms);
  FACENET_ASSERT(reinterpret_cast<uintptr_t>(call.to) % 16 == 0);
  FACENET_ASSERT(call.tapTerms * static_cast<int64_t>(byteSize(call.dtype)) % 16 == 0);
  return a;
}

}  // namespace

void packWeights(const PackCall& call, cudaStream_t stream) {
  const Arguments a = argumentsOf(call);
  const TileLayout layout(a.transposed, a.tileRows, a.tileTaps);
  const int floats = a.transposed ? kTileChannels * layout.channelStride : a.tileRows * layout.rowStride;
  const int rowTiles = ceilDivide(a.columns, a.tileRows);
  const dim3 grid(static_cast<unsigned>(toInt(int64_t{rowTiles} * a.channelTiles)),
                  static_cast<unsigned>(ceilDivide(a.taps, a.tileTaps)), static_cast<unsigned>(call.groups));
  const size_t shared = static_cast<size_t>(floats) * sizeof(float);
  withType(call.dtype, [&]<class T>(TypeOf<T>) {
    launch<packWeightsKernel<T>>(grid, kThreads, shared, stream, a, static_cast<T*>(call.to));
  });
}

// One row, that of the only input channel a group, whose terms are the output channels.
PackCall packDepthwise(const float* weight, int64_t outChannels, int64_t kernelHeight, int64_t kernelWidth) {
  return {.weight = weight,
          .groups = 1,
          .outChannels = outChannels,
          .inChannels = 1,
          .kernelHeight = kernelHeight,
          .kernelWidth = kernelWidth,
          .transposed = true,
          .tapsDown = {kernelHeight},
          .tapsAcross = {kernelWidth},
          .columns = 1,
          .tapTerms = roundUp(outChannels, 8)};
}

void packStem(const float* weight, int64_t outChannels, int64_t inChannels, const Window& window,
              float factor, const StemLayout& layout, DType dtype, void* to, cudaStream_t stream) {
  const StemArguments a{toInt(outChannels),
                        toInt(inChannels),
                        toInt(window.kernelHeight),
                        toInt(window.kernelWidth),
                        factor,
                        layout.halves,
                        toInt(layout.columns),
                        toInt(layout.rowTerms),
                        toInt(layout.terms)};
  FACENET_ASSERT(layout.halves == (dtype != DType::f32));
  FACENET_ASSERT(outChannels <= layout.columns && layout.terms == layout.rowTerms * window.kernelHeight);
  const unsigned blocks = ceilDivide(static_cast<unsigned>(toInt(layout.size())), kThreads);
  withType(dtype, [&]<class T>(TypeOf<T>) {
    launch<packStemKernel<T>>(blocks, kThreads, 0, stream, weight, a, static_cast<T*>(to));
  });
}

void packBias(const float* bias, int64_t channels, int64_t groups, float factor, int64_t columns, float* to,
              cudaStream_t stream) {
  const int total = toInt(groups * columns);
  FACENET_ASSERT(channels % groups == 0 && channels / groups <= columns);
  launch<packBiasKernel>(ceilDivide(static_cast<unsigned>(total), kThreads), kThreads, 0, stream, bias,
                         toInt(channels / groups), factor, toInt(columns), total, to);
}

}  // namespace facenet::cuda
