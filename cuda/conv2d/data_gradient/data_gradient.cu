#include <algorithm>
#include <limits>
#include <numeric>

#include "cuda/common/pixel_grid.cuh"
#include "cuda/conv2d/data_gradient/data_gradient.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

// The window along one axis.
struct WindowAxis {
  int64_t kernel, stride, dilation, pad;

  int64_t common() const { return std::gcd(stride, dilation); }
  int64_t tapStep() const { return stride / common(); }            // between the taps of a class
  int64_t classes() const { return std::min(kernel, tapStep()); }  // that taps reach, by their first tap
};

WindowAxis rowsOf(const Window& w) {
  return {w.kernelHeight, w.strideHeight, w.dilationHeight, w.padTop};
}
WindowAxis columnsOf(const Window& w) {
  return {w.kernelWidth, w.strideWidth, w.dilationWidth, w.padLeft};
}

// A class along one axis: pixels first + j * stride, and its window on g.
struct AxisClass {
  int64_t count, kernel, dilation, padBefore, padAfter;
  TapRun taps;
};

// The taps firstTap + m * tapStep, m < own. Pixel first + j * stride gets, through the one of m, what belongs to output
// j + shift - m * dilation. Where even m = own - 1 lies behind the window's begin, zeros stand before it.
AxisClass axisClass(int64_t size, int64_t outputs, const WindowAxis& w, int64_t firstTap) {
  const int64_t from = firstTap * w.dilation - w.pad;
  const int64_t first = (from % w.stride + w.stride) % w.stride, shift = (first - from) / w.stride;
  const int64_t own = ceilDivide(w.kernel - firstTap, w.tapStep());
  AxisClass result{};
  result.dilation = w.dilation / w.common();
  const int64_t missing = std::max<int64_t>(shift - (own - 1) * result.dilation, 0);
  result.count = first < size ? ceilDivide(size - first, w.stride) : 0;
  result.kernel = own + ceilDivide(missing, result.dilation);
  const int64_t reach = (result.kernel - 1) * result.dilation;
  result.padBefore = reach - shift;
  result.padAfter = result.count + reach - outputs - result.padBefore;
  result.taps = {result.kernel, firstTap + w.tapStep() * (result.kernel - 1), -w.tapStep()};
  return result;
}

// What the kernels know of the window along one axis: which taps a pixel of dx is reached by.
struct ReachAxis {
  int size;  // of dx
  int kernel, stride, dilation, pad;
  int tapStep, common, inverse;  // dilation / common * inverse is 1 more than a multiple of tapStep

  // The first tap that reaches a pixel of the padded image: first * dilation and the pixel differ by a multiple of the
  // stride. `kernel` or more: none.
  __device__ __forceinline__ int firstTap(int padded) const {
    const int rest = padded % stride;
    if (dilation == 1) return rest;
    // Strides are at most 2^16 (ops/rule.h), so that the product is one of 32 bits.
    const auto tap = static_cast<unsigned>(rest / common) * static_cast<unsigned>(inverse);
    return rest % common == 0 ? static_cast<int>(tap % static_cast<unsigned>(tapStep)) : kernel;
  }
};

ReachAxis reachOf(const WindowAxis& w, int64_t size) {
  int64_t inverse = 0;
  while (w.dilation / w.common() * inverse % w.tapStep() != 1 % w.tapStep()) ++inverse;
  return {toInt(size),  toInt(w.kernel),    toInt(w.stride),   toInt(w.dilation),
          toInt(w.pad), toInt(w.tapStep()), toInt(w.common()), toInt(inverse)};
}

struct Reach {
  ReachAxis rows, columns;
};

Reach reachOf(const Window& w, const Shape& x) {
  return {reachOf(rowsOf(w), x.height), reachOf(columnsOf(w), x.width)};
}

struct ClassIndex {
  Reach reach;
  int across;      // classes side by side
  int64_t pixels;  // of memory that each class has
  int64_t pixelStride;

  // The pixel among the classes that belongs to one of dx; -1: no tap reaches it.
  __device__ __forceinline__ int64_t operator()(unsigned pixel) const {
    const ReachAxis &rows = reach.rows, &columns = reach.columns;
    const unsigned rowOfAll = pixel / static_cast<unsigned>(columns.size);
    const int column = static_cast<int>(pixel % static_cast<unsigned>(columns.size));
    const int image = static_cast<int>(rowOfAll / static_cast<unsigned>(rows.size));
    const int row = static_cast<int>(rowOfAll % static_cast<unsigned>(rows.size));
    const int tapY = rows.firstTap(row + rows.pad), tapX = columns.firstTap(column + columns.pad);
    if (tapY >= rows.kernel || tapX >= columns.kernel) return -1;
    const int downs = ceilDivide(rows.size - row % rows.stride, rows.stride);
    const int acrosses = ceilDivide(columns.size - column % columns.stride, columns.stride);
    const int64_t line = int64_t{image} * downs + row / rows.stride;
    return (tapY * across + tapX) * pixels + line * acrosses + column / columns.stride;
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
  const ReachAxis &rows = a.reach.rows, &columns = a.reach.columns;
  const auto pixel = static_cast<unsigned>(thread.pixel(0));
  const unsigned rowOfAll = pixel / static_cast<unsigned>(columns.size);
  const int x = static_cast<int>(pixel % static_cast<unsigned>(columns.size)) + columns.pad;
  const int y = static_cast<int>(rowOfAll % static_cast<unsigned>(rows.size)) + rows.pad;
  const G* const image =
      g + int64_t{rowOfAll / static_cast<unsigned>(rows.size)} * a.outHeight * a.outWidth * a.gStride;
  float sums[N] = {};
  for (int ky = rows.firstTap(y); ky < rows.kernel && ky * rows.dilation <= y; ky += rows.tapStep) {
    const int row = (y - ky * rows.dilation) / rows.stride;
    if (row >= a.outHeight) continue;
    for (int kx = columns.firstTap(x); kx < columns.kernel && kx * columns.dilation <= x;
         kx += columns.tapStep) {
      const int column = (x - kx * columns.dilation) / columns.stride;
      if (column >= a.outWidth) continue;
      const G* const from = image + (int64_t{row} * a.outWidth + column) * a.gStride;
      const G* const tap = weight + int64_t{ky * columns.kernel + kx} * a.columns;
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
  const int64_t downs = rowsOf(w).classes(), acrosses = columnsOf(w).classes();
  std::vector<PixelClass> classes;
  for (int64_t tapY = 0; tapY < downs; ++tapY)
    for (int64_t tapX = 0; tapX < acrosses; ++tapX) {
      const AxisClass down = axisClass(x.height, y.height, rowsOf(w), tapY);
      const AxisClass across = axisClass(x.width, y.width, columnsOf(w), tapX);
      if (down.count == 0 || across.count == 0) continue;
      classes.push_back({.index = tapY * acrosses + tapX,
                         .height = down.count,
                         .width = across.count,
                         .window = {.kernelHeight = down.kernel,
                                    .kernelWidth = across.kernel,
                                    .padTop = down.padBefore,
                                    .padLeft = across.padBefore,
                                    .padBottom = down.padAfter,
                                    .padRight = across.padAfter,
                                    .dilationHeight = down.dilation,
                                    .dilationWidth = across.dilation},
                         .tapsDown = down.taps,
                         .tapsAcross = across.taps});
    }
  return classes;
}

int64_t firstPixelOf(const Window& w, const Shape& x, int64_t count, int64_t index) {
  return index * count * ceilDivide(x.height, w.strideHeight) * ceilDivide(x.width, w.strideWidth);
}

int64_t classPixels(const Window& w, const Shape& x, int64_t count) {
  return firstPixelOf(w, x, count, rowsOf(w).classes() * columnsOf(w).classes());
}

void interleaveClasses(const InterleaveCall& call, cudaStream_t stream) {
  const View& dx = call.dx;
  if (dx.count * dx.shape.elements() == 0) return;
  FACENET_ASSERT(dx.count * dx.shape.pixels() <= std::numeric_limits<int>::max());
  const View classes{const_cast<void*>(call.classes), call.dtype, dx.count, dx.shape, call.pixelStride};
  const ClassIndex indexOf{reachOf(call.window, dx.shape), toInt(columnsOf(call.window).classes()),
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
