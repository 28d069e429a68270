#include "cuda/common/gradient.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

// The gradients of N / 2 pairs of neighbours, from `gradients` on.
template <int N>
__device__ __forceinline__ void ofPairs(const float (&in)[N], const float* gradients, float (&result)[N]) {
#pragma unroll
  for (int i = 0; i < N; i += 2) {
    const bool second = in[i + 1] > in[i];
    result[i] = second ? 0.f : gradients[i / 2];
    result[i + 1] = second ? gradients[i / 2] : 0.f;
  }
}

// Pairs, which the paper's networks take: a thread has N values of dy and two times N of x.
// Registers: at most 64.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    maxoutPairsGradientKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, PixelGrid grid) {
  const PixelThread<N, kGradientSteps> thread(grid);
  if (thread.valid == 0) return;
  const int channel = 2 * thread.channel, valid = 2 * thread.valid;
  Pack<Y, N> dys[kGradientSteps];
  Pack<X, N> lower[kGradientSteps], upper[kGradientSteps], before[kGradientSteps],
      beforeUpper[kGradientSteps];
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    const int64_t pixel = thread.pixel(step);
    dys[step] = dy.template load<N>(pixel, thread.channel);
    lower[step] = upper[step] = x.template load<N>(pixel, channel);
    before[step] = beforeUpper[step] = dx.template before<N>(pixel, channel);
    if (valid <= N) continue;
    upper[step] = x.template load<N>(pixel, channel + N);
    beforeUpper[step] = dx.template before<N>(pixel, channel + N);
  }
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    const int64_t pixel = thread.pixel(step);
    float gradients[N], in[N], result[N];
    unpack(dys[step], gradients);
    unpack(lower[step], in);
    ofPairs(in, gradients, result);
    dx.put(result, before[step], valid, pixel, channel);
    if (valid <= N) continue;
    unpack(upper[step], in);
    ofPairs(in, gradients + N / 2, result);
    dx.put(result, beforeUpper[step], valid - N, pixel, channel + N);
  }
}

// Any number of pieces: one maximum per thread.
// Registers: at most 48.
template <class X, class Y>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    maxoutGradientKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, PixelGrid grid, int pieces) {
  const PixelThread<1> thread(grid);
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    const int64_t pixel = thread.pixel(step);
    const int first = thread.channel * pieces;
    float largest[1], number[1], itsGradient[1];
    unpack(x.template load<1>(pixel, first), largest);
    int winner = 0;
    for (int i = 1; i < pieces; ++i) {
      unpack(x.template load<1>(pixel, first + i), number);
      if (number[0] > largest[0]) largest[0] = number[0], winner = i;
    }
    unpack(dy.template load<1>(pixel, thread.channel), itsGradient);
    for (int i = 0; i < pieces; ++i) {
      float gradient[1] = {i == winner ? itsGradient[0] : 0.f};
      dx.put(gradient, dx.template before<1>(pixel, first + i), 1, pixel, first + i);
    }
  }
}

}  // namespace

void backward(const Maxout& op, const View& x, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  FACENET_ASSERT(x.count == dy.count && x.shape.pixels() == dy.shape.pixels() && x.dtype == dx.dtype);
  FACENET_ASSERT(x.shape.channels == dy.shape.channels * op.pieces && x.count == dx.count &&
                 x.shape == dx.shape);
  if (dx.count * dx.shape.elements() == 0) return;
  withTrainedTypes(dx.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    const GradientPixels<X> out(dx, accumulate);
    if (op.pieces == 2 && packs<X, kWide>(x) && packs<X, kWide>(dx) && packs<Y, kWide>(dy)) {
      const PixelLaunch w = pixelLaunch<kWide, kGradientSteps>(dy);
      launch<maxoutPairsGradientKernel<X, Y, kWide>>(w.blocks, w.threads, 0, stream, Pixels<X>(x),
                                                     Pixels<Y>(dy), out, w.grid);
    } else {
      const PixelLaunch w = pixelLaunch<1>(dy);
      launch<maxoutGradientKernel<X, Y>>(w.blocks, w.threads, 0, stream, Pixels<X>(x), Pixels<Y>(dy), out,
                                         w.grid, static_cast<int>(op.pieces));
    }
  });
}

}  // namespace facenet::cuda
