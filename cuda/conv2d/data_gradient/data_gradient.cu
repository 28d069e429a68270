#include <algorithm>
#include <limits>

#include "cuda/common/pixel_grid.cuh"
#include "cuda/conv2d/data_gradient/data_gradient.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

// A class along one axis: pixels first + j * stride, and its window on g.
struct AxisClass {
  int64_t count, kernel, padBefore, padAfter;
  TapRun taps;
};

// The taps firstTap + m * stride, m < own. Pixel first + j * stride gets, through tap firstTap + m * stride, what
// belongs to output j + shift - m. Where even m = own - 1 lies behind the window's begin, zeros stand before it.
AxisClass axisClass(int64_t size, int64_t outputs, int64_t kernel, int64_t stride, int64_t pad,
                    int64_t firstTap) {
  const int64_t first = ((firstTap - pad) % stride + stride) % stride;
  const int64_t own = ceilDivide(kernel - firstTap, stride), shift = (first + pad - firstTap) / stride;
  const int64_t zeros = std::max<int64_t>(shift - (own - 1), 0);
  AxisClass result{};
  result.count = first < size ? ceilDivide(size - first, stride) : 0;
  result.kernel = own + zeros;
  result.padBefore = result.kernel - 1 - shift;
  result.padAfter = result.count - 1 + result.kernel - outputs - result.padBefore;
  result.taps = {result.kernel, firstTap + stride * (own - 1 + zeros), -stride};
  return result;
}

// What the kernels know of the window: which taps a pixel of dx is reached by.
struct Reach {
  int height, width;  // of dx
  int kernelHeight, kernelWidth, strideHeight, strideWidth, padTop, padLeft;
};

Reach reachOf(const Window& w, const Shape& x) {
  return {toInt(x.height),       toInt(x.width),       toInt(w.kernelHeight), toInt(w.kernelWidth),
          toInt(w.strideHeight), toInt(w.strideWidth), toInt(w.padTop),       toInt(w.padLeft)};
}

struct ClassIndex {
  Reach reach;
  int across;      // classes side by side
  int64_t pixels;  // of memory that each class has
  int64_t pixelStride;

  // The pixel among the classes that belongs to one of dx; -1: no tap reaches it.
  __device__ __forceinline__ int64_t operator()(unsigned pixel) const {
    const unsigned rowOfAll = pixel / static_cast<unsigned>(reach.width);
    const int column = static_cast<int>(pixel % static_cast<unsigned>(reach.width));
    const int image = static_cast<int>(rowOfAll / static_cast<unsigned>(reach.height));
    const int row = static_cast<int>(rowOfAll % static_cast<unsigned>(reach.height));
    const int tapY = (row + reach.padTop) % reach.strideHeight;
    const int tapX = (column + reach.padLeft) % reach.strideWidth;
    if (tapY >= reach.kernelHeight || tapX >= reach.kernelWidth) return -1;
    const int downs = ceilDivide(reach.height - row % reach.strideHeight, reach.strideHeight);
    const int acrosses = ceilDivide(reach.width - column % reach.strideWidth, reach.strideWidth);
    const int64_t line = int64_t{image} * downs + row / reach.strideHeight;
    return (tapY * across + tapX) * pixels + line * acrosses + column / reach.strideWidth;
  }
};

// Registers: at most 64.
template <class From, class To, int N, bool Accumulate>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    interleaveClassesKernel(const From* classes, To* dx, int64_t dxStride, PixelGrid grid,
                            ClassIndex indexOf) {
  const PixelThread<N> thread(grid);
  if (thread.valid == 0) return;
  Pack<From, N> packs[kPixelSteps];
  Pack<To, N> before[kPixelSteps];
  bool reached[kPixelSteps];
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    reached[step] = false;
    if (!thread.has(step)) continue;
    const int64_t index = indexOf(static_cast<unsigned>(thread.pixel(step)));
    reached[step] = index >= 0;
    if (reached[step]) packs[step] = loadPack<N>(classes + index * indexOf.pixelStride + thread.channel);
    if (Accumulate && reached[step])
      before[step] = loadPack<N>(dx + thread.pixel(step) * dxStride + thread.channel);
  }
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step) || (Accumulate && !reached[step])) continue;
    float numbers[N] = {};
    if (reached[step]) unpack(packs[step], numbers);
    if constexpr (Accumulate) {
      float addends[N];
      unpack(before[step], addends);
#pragma unroll
      for (int i = 0; i < N; ++i) numbers[i] += addends[i];
    }
    storeNumbers(numbers, thread.valid, dx + thread.pixel(step) * dxStride + thread.channel);
  }
}

struct Gather {
  Reach reach;
  int outHeight, outWidth, columns, multiplier;
  int64_t gStride, dxStride;
};

// A thread has one pixel: what its taps read is near to what its neighbours' do, and found in L1.
// Registers: at most 56.
template <class G, class Dx, int N, bool Accumulate>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    depthwiseGradientKernel(const G* g, const G* weight, Dx* dx, PixelGrid grid, Gather a) {
  const PixelThread<N, 1> thread(grid);
  if (thread.valid == 0 || !thread.has(0)) return;
  const Reach& r = a.reach;
  const auto pixel = static_cast<unsigned>(thread.pixel(0));
  const unsigned rowOfAll = pixel / static_cast<unsigned>(r.width);
  const int x = static_cast<int>(pixel % static_cast<unsigned>(r.width)) + r.padLeft;
  const int y = static_cast<int>(rowOfAll % static_cast<unsigned>(r.height)) + r.padTop;
  const G* const image =
      g + int64_t{rowOfAll / static_cast<unsigned>(r.height)} * a.outHeight * a.outWidth * a.gStride;
  float sums[N] = {};
  for (int ky = y % r.strideHeight; ky < r.kernelHeight && ky <= y; ky += r.strideHeight) {
    const int row = (y - ky) / r.strideHeight;
    if (row >= a.outHeight) continue;
    for (int kx = x % r.strideWidth; kx < r.kernelWidth && kx <= x; kx += r.strideWidth) {
      const int column = (x - kx) / r.strideWidth;
      if (column >= a.outWidth) continue;
      const G* const from = image + (int64_t{row} * a.outWidth + column) * a.gStride;
      const G* const tap = weight + int64_t{ky * r.kernelWidth + kx} * a.columns;
      // With one output channel a channel, N neighbours; else the channel's own, one after the other.
      const int first = thread.channel * a.multiplier;
#pragma unroll 1
      for (int o = first; o < first + a.multiplier; ++o) {
        float gradients[N], weights[N];
        unpack(loadPack<N>(from + o), gradients);
        unpack(loadPack<N>(tap + o), weights);
#pragma unroll
        for (int i = 0; i < N; ++i) sums[i] += gradients[i] * weights[i];
      }
    }
  }
  Dx* const to = dx + pixel * a.dxStride + thread.channel;
  if constexpr (Accumulate) {
    float before[N];
    unpack(loadPack<N>(to), before);
#pragma unroll
    for (int i = 0; i < N; ++i) sums[i] += before[i];
  }
  storeNumbers(sums, thread.valid, to);
}

// body(TypeOf<From>(), TypeOf<To>()): equal types, or bf16 from fp32.
template <class Body>
void withGradientTypes(DType from, DType to, Body body) {
  if (from == DType::bf16 && to == DType::bf16) return body(TypeOf<bf16>(), TypeOf<bf16>());
  FACENET_ASSERT(from == DType::f32);
  if (to == DType::f32) return body(TypeOf<float>(), TypeOf<float>());
  FACENET_ASSERT(to == DType::bf16);
  body(TypeOf<float>(), TypeOf<bf16>());
}

}  // namespace

std::vector<PixelClass> pixelClasses(const Window& w, const Shape& x, const Shape& y) {
  const int64_t downs = std::min(w.kernelHeight, w.strideHeight),
                acrosses = std::min(w.kernelWidth, w.strideWidth);
  std::vector<PixelClass> classes;
  for (int64_t tapY = 0; tapY < downs; ++tapY)
    for (int64_t tapX = 0; tapX < acrosses; ++tapX) {
      const AxisClass down = axisClass(x.height, y.height, w.kernelHeight, w.strideHeight, w.padTop, tapY);
      const AxisClass across = axisClass(x.width, y.width, w.kernelWidth, w.strideWidth, w.padLeft, tapX);
      if (down.count == 0 || across.count == 0) continue;
      classes.push_back({.index = tapY * acrosses + tapX,
                         .height = down.count,
                         .width = across.count,
                         .window = {.kernelHeight = down.kernel,
                                    .kernelWidth = across.kernel,
                                    .padTop = down.padBefore,
                                    .padLeft = across.padBefore,
                                    .padBottom = down.padAfter,
                                    .padRight = across.padAfter},
                         .tapsDown = down.taps,
                         .tapsAcross = across.taps});
    }
  return classes;
}

int64_t firstPixelOf(const Window& w, const Shape& x, int64_t count, int64_t index) {
  return index * count * ceilDivide(x.height, w.strideHeight) * ceilDivide(x.width, w.strideWidth);
}

int64_t classPixels(const Window& w, const Shape& x, int64_t count) {
  const int64_t classes = std::min(w.kernelHeight, w.strideHeight) * std::min(w.kernelWidth, w.strideWidth);
  return firstPixelOf(w, x, count, classes);
}

void interleaveClasses(const InterleaveCall& call, cudaStream_t stream) {
  const View& dx = call.dx;
  if (dx.count * dx.shape.elements() == 0) return;
  FACENET_ASSERT(dx.count * dx.shape.pixels() <= std::numeric_limits<int>::max());
  const View classes{const_cast<void*>(call.classes), call.dtype, dx.count, dx.shape, call.pixelStride};
  const ClassIndex indexOf{reachOf(call.window, dx.shape),
                           toInt(std::min(call.window.kernelWidth, call.window.strideWidth)),
                           firstPixelOf(call.window, dx.shape, dx.count, 1), call.pixelStride};
  withGradientTypes(call.dtype, dx.dtype, [&]<class From, class To>(TypeOf<From>, TypeOf<To>) {
    constexpr int kWide = kPackedChannels<From, To>;
    withWidth<kWide>(packs<From, kWide>(classes) && packs<To, kWide>(dx), [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N>(dx);
      const auto* from = static_cast<const From*>(call.classes);
      if (call.accumulate)
        launch<interleaveClassesKernel<From, To, N, true>>(w.blocks, w.threads, 0, stream, from, dx.as<To>(),
                                                           dx.pixelStride, w.grid, indexOf);
      else
        launch<interleaveClassesKernel<From, To, N, false>>(w.blocks, w.threads, 0, stream, from, dx.as<To>(),
                                                            dx.pixelStride, w.grid, indexOf);
    });
  });
}

void depthwiseGradient(const DepthwiseGradientCall& call, cudaStream_t stream) {
  const View &g = call.g, &dx = call.dx;
  if (dx.count * dx.shape.elements() == 0) return;
  FACENET_ASSERT(dx.count * dx.shape.pixels() <= std::numeric_limits<int>::max() && g.count == dx.count);
  FACENET_ASSERT(g.shape.channels % dx.shape.channels == 0 && call.columns >= g.shape.channels);
  FACENET_ASSERT(slidingShape(call.window, dx.shape, g.shape.channels) == g.shape);
  const int64_t multiplier = g.shape.channels / dx.shape.channels;
  const Gather gather{reachOf(call.window, dx.shape),
                      toInt(g.shape.height),
                      toInt(g.shape.width),
                      toInt(call.columns),
                      toInt(multiplier),
                      g.pixelStride,
                      dx.pixelStride};
  withGradientTypes(g.dtype, dx.dtype, [&]<class G, class Dx>(TypeOf<G>, TypeOf<Dx>) {
    constexpr int kWide = kPackedChannels<G, Dx>;
    const bool packed =
        multiplier == 1 && call.columns % kWide == 0 && packs<G, kWide>(g) && packs<Dx, kWide>(dx);
    withWidth<kWide>(packed, [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N, 1>(dx);
      const auto* weight = static_cast<const G*>(call.weight);
      if (call.accumulate)
        launch<depthwiseGradientKernel<G, Dx, N, true>>(w.blocks, w.threads, 0, stream, g.as<const G>(),
                                                        weight, dx.as<Dx>(), w.grid, gather);
      else
        launch<depthwiseGradientKernel<G, Dx, N, false>>(w.blocks, w.threads, 0, stream, g.as<const G>(),
                                                         weight, dx.as<Dx>(), w.grid, gather);
    });
  });
}

}  // namespace facenet::cuda
