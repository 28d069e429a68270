#include "cuda/common/gradient.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

__device__ __forceinline__ float expOf(float x) {
  return expf(x);
}
__device__ __forceinline__ float tanhOf(float x) {
  return tanhf(x);
}
__device__ __forceinline__ float expm1Of(float x) {
  return expm1f(x);
}
__device__ __forceinline__ float log1pOf(float x) {
  return log1pf(x);
}
__device__ __forceinline__ float erfOf(float x) {
  return erff(x);
}
__device__ __forceinline__ float rounded(float x) {
  return x;
}

#define FACENET_POINTWISE __device__ __forceinline__
#include "native/ops/pointwise.inc"
#undef FACENET_POINTWISE

// Registers: at most 64.
template <class In, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    pointwiseKernel(Pixels<In> x, Out* y, int64_t yStride, PixelGrid grid, Pointwise op) {
  const PixelThread<N, kGradientSteps> thread(grid);
  if (thread.valid == 0) return;
  Pack<In, N> packs[kGradientSteps];
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step)
    if (thread.has(step)) packs[step] = x.template load<N>(thread.pixel(step), thread.channel);
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    float numbers[N];
    unpack(packs[step], numbers);
    withFunction(op.function, [&](auto function) {
#pragma unroll
      for (int i = 0; i < N; ++i) numbers[i] = valueOf<decltype(function)::value>(numbers[i], op);
    });
    storeNumbers(numbers, thread.valid, y + thread.pixel(step) * yStride + thread.channel);
  }
}

// Registers: at most 64.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    pointwiseGradientKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, PixelGrid grid, Pointwise op) {
  const PixelThread<N, 1> thread(grid);
  if (!thread.has(0)) return;
  const int64_t pixel = thread.first;
  float in[N], gradient[N];
  unpack(x.template load<N>(pixel, thread.channel), in);
  unpack(dy.template load<N>(pixel, thread.channel), gradient);
  const Pack<X, N> before = dx.template before<N>(pixel, thread.channel);
  withFunction(op.function, [&](auto function) {
#pragma unroll
    for (int i = 0; i < N; ++i) gradient[i] *= slopeOf<decltype(function)::value>(in[i], op);
  });
  dx.put(gradient, before, thread.valid, pixel, thread.channel);
}

}  // namespace

void forward(const Pointwise& op, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape);
  if (y.count * y.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    withWidth<kWide>(packs<In, kWide>(x) && packs<Out, kWide>(y), [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N, kGradientSteps>(y);
      launch<pointwiseKernel<In, Out, N>>(w.blocks, w.threads, 0, stream, Pixels<In>(x), y.as<Out>(),
                                          y.pixelStride, w.grid, op);
    });
  });
}

void backward(const Pointwise& op, const View& x, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  FACENET_ASSERT(x.count == dy.count && x.shape == dy.shape && x.count == dx.count && x.shape == dx.shape);
  FACENET_ASSERT(x.dtype == dx.dtype);
  if (dx.count * dx.shape.elements() == 0) return;
  withTrainedTypes(dx.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    const bool packed = packs<X, kWide>(x) && packs<Y, kWide>(dy) && packs<X, kWide>(dx);
    withWidth<kWide>(packed, [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N, 1>(dx);
      launch<pointwiseGradientKernel<X, Y, N>>(w.blocks, w.threads, 0, stream, Pixels<X>(x), Pixels<Y>(dy),
                                               GradientPixels<X>(dx, accumulate), w.grid, op);
    });
  });
}

std::string describe(const Pointwise& op) {
  return op.name();
}

}  // namespace facenet::cuda
