#include <algorithm>

#include "cuda/common/gradient.cuh"
#include "cuda/conv2d/common/tile.h"
#include "cuda/conv2d/weight_gradient/weight_gradient_depthwise.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256, kBlocksPerSm = 2;
// Taps that a thread sums at once: those of a row of the usual 3x3 window share g.
constexpr int kTaps = 3;

struct Arguments {
  const void *x, *g;
  int64_t xStride, gStride;
  int inHeight, inWidth, outHeight, outWidth, channels, multiplier;  // channels: of g
  int kernelWidth, taps, strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft;
  int pixels, splitPixels;
  int groups, pixelsPerStep;  // groups of N channels that a block has, and its pixels at once
  float* scratch;
};

template <class T, int N>
__device__ __forceinline__ void readNumbers(const T* from, float (&numbers)[N]) {
  unpack(loadPack<N>(from), numbers);
}

// The sums of all threads, of four channels each.
struct Partial {
  float of[4][kThreads + 8];
};

// Grid: splits x channels x taps. A thread has N neighbouring channels, one where there are several outputs per
// input channel or memory is not aligned, and every so many-th pixel of the split.
// Registers: at most 128.
template <class X, class G, int N>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm) depthwiseGradientKernel(Arguments a) {
  const int column = static_cast<int>(threadIdx.x) % a.groups, row = static_cast<int>(threadIdx.x) / a.groups;
  const int channel = (static_cast<int>(blockIdx.y) * a.groups + column) * N;
  const int firstTap = static_cast<int>(blockIdx.z) * kTaps;
  const int first = static_cast<int>(blockIdx.x) * a.splitPixels, end = min(first + a.splitPixels, a.pixels);
  const bool works = row < a.pixelsPerStep && channel < a.channels;

  int tops[kTaps], lefts[kTaps];
  float sums[kTaps][N] = {};
#pragma unroll
  for (int k = 0; k < kTaps; ++k) {
    tops[k] = (firstTap + k) / a.kernelWidth * a.dilationHeight - a.padTop;
    lefts[k] = (firstTap + k) % a.kernelWidth * a.dilationWidth - a.padLeft;
  }
  const auto* const g = static_cast<const G*>(a.g) + channel;
  const auto* const x = static_cast<const X*>(a.x) + channel / a.multiplier;
#pragma unroll 2
  for (int pixel = works ? first + row : end; pixel < end; pixel += a.pixelsPerStep) {
    const int image = pixel / (a.outHeight * a.outWidth), inImage = pixel % (a.outHeight * a.outWidth);
    const int y = inImage / a.outWidth * a.strideHeight, left = inImage % a.outWidth * a.strideWidth;
    float gradient[N];
    readNumbers(g + pixel * a.gStride, gradient);
#pragma unroll
    for (int k = 0; k < kTaps; ++k) {
      const int inY = y + tops[k], inX = left + lefts[k];
      if (firstTap + k >= a.taps || inY < 0 || inY >= a.inHeight || inX < 0 || inX >= a.inWidth) continue;
      float numbers[N];
      readNumbers(x + (int64_t{image} * a.inHeight + inY) * a.inWidth * a.xStride + inX * a.xStride, numbers);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[k][i] += gradient[i] * numbers[i];
    }
  }

  // The rows of the block, four channels and a tap at a time, in their order.
  auto& partial = shared<Partial>();
  constexpr int kAtOnce = N < 4 ? N : 4;
#pragma unroll
  for (int k = 0; k < kTaps; ++k) {
#pragma unroll
    for (int i = 0; i < N; i += kAtOnce) {
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) partial.of[j][threadIdx.x] = sums[k][i + j];
      __syncthreads();
      if (row < kAtOnce && works && firstTap + k < a.taps && channel + i + row < a.channels) {
        float sum = 0.f;
        for (int other = 0; other < a.pixelsPerStep; ++other)
          sum += partial.of[row][other * a.groups + column];
        a.scratch[(int64_t{blockIdx.x} * a.channels + channel + i + row) * a.taps + firstTap + k] = sum;
      }
      __syncthreads();
    }
  }
}

template <class X, class G, int N>
void launchWidth(const WeightGradientCall& call, int64_t splits, Arguments a, cudaStream_t stream) {
  // Blocks of few channels have more pixels at once; at least four rows, which add the sums of a pack up.
  const int64_t all = ceilDivide(call.g.shape.channels, N), groups = std::min<int64_t>(all, kThreads / 4);
  a.groups = toInt(groups);
  a.pixelsPerStep = kThreads / a.groups;
  const dim3 grid(static_cast<unsigned>(splits), static_cast<unsigned>(ceilDivide(all, groups)),
                  static_cast<unsigned>(ceilDivide(a.taps, kTaps)));
  launch<depthwiseGradientKernel<X, G, N>>(grid, kThreads, 0, stream, a);
}

Arguments argumentsOf(const WeightGradientCall& call, int64_t splits, float* scratch) {
  const View &x = call.x, &g = call.g;
  const Window& w = call.window;
  const int64_t pixels = g.count * g.shape.pixels();
  return {.x = x.data,
          .g = g.data,
          .xStride = x.pixelStride,
          .gStride = g.pixelStride,
          .inHeight = toInt(x.shape.height),
          .inWidth = toInt(x.shape.width),
          .outHeight = toInt(g.shape.height),
          .outWidth = toInt(g.shape.width),
          .channels = toInt(g.shape.channels),
          .multiplier = toInt(g.shape.channels / x.shape.channels),
          .kernelWidth = toInt(w.kernelWidth),
          .taps = toInt(w.kernelHeight * w.kernelWidth),
          .strideHeight = toInt(w.strideHeight),
          .strideWidth = toInt(w.strideWidth),
          .dilationHeight = toInt(w.dilationHeight),
          .dilationWidth = toInt(w.dilationWidth),
          .padTop = toInt(w.padTop),
          .padLeft = toInt(w.padLeft),
          .pixels = toInt(pixels),
          .splitPixels = toInt(ceilDivide(pixels, splits)),
          .groups = 0,
          .pixelsPerStep = 0,
          .scratch = scratch};
}

}  // namespace

int64_t depthwiseGradientSplits(const Window& window, const Shape& y, int64_t count) {
  constexpr int64_t kBlocks = int64_t{kTrainingDevice.multiprocessors} * kBlocksPerSm * 2, kMinPixels = 256;
  const int64_t taps = window.kernelHeight * window.kernelWidth;
  const int64_t blocks = ceilDivide(taps, kTaps) * ceilDivide(y.channels, 512);
  return std::max<int64_t>(std::min(kBlocks / blocks, count * y.pixels() / kMinPixels), 1);
}

void depthwiseGradient(const WeightGradientCall& call, int64_t splits, float* scratch, cudaStream_t stream) {
  const Arguments a = argumentsOf(call, splits, scratch);
  withTrainedTypes(call.x.dtype, call.g.dtype, [&]<class X, class G>(TypeOf<X>, TypeOf<G>) {
    constexpr int kWide = kPackedChannels<X, G>;
    withWidth<kWide>(a.multiplier == 1 && packs<X, kWide>(call.x) && packs<G, kWide>(call.g),
                     [&]<int N>(Width<N>) { launchWidth<X, G, N>(call, splits, a, stream); });
  });
}

}  // namespace facenet::cuda
