#include "cuda/activation_gradient.cuh"
#include "cuda/channel_values.cuh"
#include "cuda/common/activate.cuh"
#include "cuda/common/channel_sums.cuh"
#include "cuda/common/gradient.cuh"

namespace facenet::cuda {
namespace {

// Registers: at most 64.
template <Activation::Kind Kind, class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    activationGradientKernel(Pixels<Y> y, Pixels<Y> dy, float factor, GradientPixels<X> dx, PixelGrid grid) {
  const PixelThread<N, kGradientSteps> thread(grid);
  if (thread.valid == 0) return;
  Pack<Y, N> ys[kGradientSteps], dys[kGradientSteps];
  Pack<X, N> before[kGradientSteps];
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    if constexpr (Kind != Activation::Kind::none)
      ys[step] = y.template load<N>(thread.pixel(step), thread.channel);
    dys[step] = dy.template load<N>(thread.pixel(step), thread.channel);
    before[step] = dx.template before<N>(thread.pixel(step), thread.channel);
  }
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    float out[N] = {}, gradient[N];
    if constexpr (Kind != Activation::Kind::none) unpack(ys[step], out);
    unpack(dys[step], gradient);
#pragma unroll
    for (int i = 0; i < N; ++i) gradient[i] = factor * activationGradientOf<Kind>(out[i], gradient[i]);
    dx.put(gradient, before[step], thread.valid, thread.pixel(step), thread.channel);
  }
}

struct PreluArguments {
  const float* slope;
  float* parts;  // of the slopes' gradient
  bool wantsDx, wantsSlope;
};

// Registers: at most 96.
template <class X, class Y, class D, int N>
__global__ void __launch_bounds__(kPixelThreads, 2)
    preluGradientKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<D> dx, PixelSplits splits,
                        PreluArguments a) {
  const SplitThread<N> thread(splits);
  float slope[N] = {};
  if (thread.valid > 0) loadOfChannels(a.slope + thread.channel, slope);
  Sums<1> sums[N];
  for (int64_t pixel = thread.begin; pixel < thread.end; pixel += kGradientSteps * thread.stride) {
    Pack<X, N> xs[kGradientSteps];
    Pack<Y, N> dys[kGradientSteps];
    Pack<D, N> before[kGradientSteps] = {};
#pragma unroll
    for (int step = 0; step < kGradientSteps; ++step) {
      const int64_t at = pixel + step * thread.stride;
      if (at >= thread.end) break;
      xs[step] = x.template load<N>(at, thread.channel);
      dys[step] = dy.template load<N>(at, thread.channel);
      if (a.wantsDx) before[step] = dx.template before<N>(at, thread.channel);
    }
#pragma unroll
    for (int step = 0; step < kGradientSteps; ++step) {
      const int64_t at = pixel + step * thread.stride;
      if (at >= thread.end) break;
      float in[N], gradient[N];
      unpack(xs[step], in);
      unpack(dys[step], gradient);
#pragma unroll
      for (int i = 0; i < N; ++i) {
        if (in[i] > 0.f) continue;
        sums[i].words[0] = fmaf(in[i], gradient[i], sums[i].words[0]);
        gradient[i] *= slope[i];
      }
      if (a.wantsDx) dx.put(gradient, before[step], thread.valid, at, thread.channel);
    }
  }
  if (a.wantsSlope) storePartial(splits, thread, sums, a.parts);
}

struct AddSlope {
  float *gradient, *totals;  // totals: where one slope stands for all
  __device__ void operator()(int channel, const Sums<1>& sum) const {
    if (totals)
      totals[channel] = sum.words[0];
    else
      gradient[channel] += sum.words[0];
  }
};

}  // namespace

void activationGradient(Activation::Kind kind, const View& y, const View& dy, float factor, const View& dx,
                        bool accumulate, cudaStream_t stream) {
  FACENET_ASSERT(kind != Activation::Kind::prelu && dx.count == dy.count && dx.shape == dy.shape);
  FACENET_ASSERT(kind == Activation::Kind::none ||
                 (y.count == dy.count && y.shape == dy.shape && y.dtype == dy.dtype));
  if (dx.count * dx.shape.elements() == 0) return;
  const View& out = kind == Activation::Kind::none ? dy : y;
  withTrainedTypes(dx.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    withActivation(kind, [&](auto constant) {
      constexpr Activation::Kind kKind = decltype(constant)::value;
      if constexpr (kKind != Activation::Kind::prelu) {
        constexpr int kWide = kPackedChannels<X, Y>;
        const bool packed = packs<Y, kWide>(out) && packs<Y, kWide>(dy) && packs<X, kWide>(dx);
        withWidth<kWide>(packed, [&]<int N>(Width<N>) {
          const PixelLaunch w = pixelLaunch<N, kGradientSteps>(dx);
          launch<activationGradientKernel<kKind, X, Y, N>>(w.blocks, w.threads, 0, stream, Pixels<Y>(out),
                                                           Pixels<Y>(dy), factor,
                                                           GradientPixels<X>(dx, accumulate), w.grid);
        });
      }
    });
  });
}

int64_t preluGradientScratch(int64_t count, const Shape& shape) {
  return (partialFloats(count * shape.pixels(), shape.channels, 1) + channelPitch(shape.channels)) * 4;
}

void preluGradient(const float* slope, const View& x, const View& dy, const View& dx, bool accumulate,
                   float* slopeGradient, bool oneSlope, void* scratch, cudaStream_t stream) {
  FACENET_ASSERT(x.count == dy.count && x.shape == dy.shape);
  FACENET_ASSERT(!dx.data || (dx.count == dy.count && dx.shape == dy.shape));
  const int64_t channels = x.shape.channels, pixels = x.count * x.shape.pixels();
  if (pixels * channels == 0 || (!dx.data && !slopeGradient)) return;
  auto* totals = static_cast<float*>(scratch);
  const PreluArguments arguments{slope, totals + channelPitch(channels), dx.data != nullptr,
                                 slopeGradient != nullptr};
  const AddSlope addSlope{slopeGradient, oneSlope ? totals : nullptr};
  const View& out = dx.data ? dx : dy;
  withTrainedTypes(x.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    withTrainedType(out.dtype, [&]<class D>(TypeOf<D>) {
      constexpr int kWide = kPackedChannels<X, Y, D>;
      const bool packed = packs<X, kWide>(x) && packs<Y, kWide>(dy) && packs<D, kWide>(out);
      withWidth<kWide>(packed, [&]<int N>(Width<N>) {
        const SplitLaunch p = splitPixels(pixels, channels, N);
        launch<preluGradientKernel<X, Y, D, N>>(p.grid, p.threads, 0, stream, Pixels<X>(x), Pixels<Y>(dy),
                                                GradientPixels<D>(out, accumulate && dx.data), p.splits,
                                                arguments);
        if (slopeGradient) mergeSplits<Sums<1>>(arguments.parts, p.splits, addSlope, stream);
      });
    });
  });
  if (slopeGradient && oneSlope) addSum(totals, channels, slopeGradient, stream);
}

}  // namespace facenet::cuda
