#include <limits>

#include "cuda/common/gradient.cuh"
#include "cuda/extremum.cuh"

namespace facenet::cuda {
namespace {

// Whether b is what is chosen beside a; where they are equal a is.
__device__ __forceinline__ bool takesSecond(bool largest, float a, float b) {
  return largest ? b > a : b < a;
}

// Registers: at most 64.
template <class A, class B, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    extremumKernel(Pixels<A> a, Pixels<B> b, Out* y, int64_t yStride, PixelGrid grid, bool largest) {
  const PixelThread<N, kGradientSteps> thread(grid);
  if (thread.valid == 0) return;
  Pack<A, N> as[kGradientSteps];
  Pack<B, N> bs[kGradientSteps];
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    as[step] = a.template load<N>(thread.pixel(step), thread.channel);
    bs[step] = b.template load<N>(thread.pixel(step), thread.channel);
  }
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    float left[N], right[N];
    unpack(as[step], left);
    unpack(bs[step], right);
#pragma unroll
    for (int i = 0; i < N; ++i) left[i] = takesSecond(largest, left[i], right[i]) ? right[i] : left[i];
    storeNumbers(left, thread.valid, y + thread.pixel(step) * yStride + thread.channel);
  }
}

// Registers: at most 64.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    extremumGradientKernel(Pixels<X> own, Pixels<X> other, Pixels<Y> dy, GradientPixels<X> dx, PixelGrid grid,
                           bool largest, bool wins) {
  const PixelThread<N, 1> thread(grid);
  if (!thread.has(0)) return;
  const Pack<X, N> before = dx.template before<N>(thread.first, thread.channel);
  float mine[N], others[N], gradient[N];
  unpack(own.template load<N>(thread.first, thread.channel), mine);
  unpack(other.template load<N>(thread.first, thread.channel), others);
  unpack(dy.template load<N>(thread.first, thread.channel), gradient);
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const bool taken =
        wins ? !takesSecond(largest, mine[i], others[i]) : takesSecond(largest, others[i], mine[i]);
    if (!taken) gradient[i] = 0.f;
  }
  dx.put(gradient, before, thread.valid, thread.first, thread.channel);
}

}  // namespace

void extremum(const Extremum& op, const View& a, const View& b, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(a.count == y.count && b.count == y.count && a.shape == y.shape && b.shape == y.shape);
  FACENET_ASSERT(y.count * y.shape.pixels() <= std::numeric_limits<int>::max());
  if (y.count * y.shape.elements() == 0) return;
  withTypes(a.dtype, y.dtype, [&]<class A, class Out>(TypeOf<A>, TypeOf<Out>) {
    withType(b.dtype, [&]<class B>(TypeOf<B>) {
      if constexpr (kMeet<A, B, Out>) {
        constexpr int kWide = kPackedChannels<A, B, Out>;
        const bool packed = packs<A, kWide>(a) && packs<B, kWide>(b) && packs<Out, kWide>(y);
        withWidth<kWide>(packed, [&]<int N>(Width<N>) {
          const PixelLaunch w = pixelLaunch<N, kGradientSteps>(y);
          launch<extremumKernel<A, B, Out, N>>(w.blocks, w.threads, 0, stream, Pixels<A>(a), Pixels<B>(b),
                                               y.as<Out>(), y.pixelStride, w.grid, op.largest);
        });
      } else {
        FACENET_ASSERT(b.dtype == a.dtype || b.dtype == y.dtype);
      }
    });
  });
}

void extremumGradient(const Extremum& op, const View& own, const View& other, bool wins, const View& dy,
                      const View& dx, bool accumulate, cudaStream_t stream) {
  FACENET_ASSERT(own.count == dy.count && other.count == dy.count && dx.count == dy.count);
  FACENET_ASSERT(own.shape == dy.shape && other.shape == dy.shape && dx.shape == dy.shape);
  FACENET_ASSERT(own.dtype == dx.dtype && other.dtype == dx.dtype);
  FACENET_ASSERT(dx.count * dx.shape.pixels() <= std::numeric_limits<int>::max());
  if (dx.count * dx.shape.elements() == 0) return;
  withTrainedTypes(dx.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    const bool packed =
        packs<X, kWide>(own) && packs<X, kWide>(other) && packs<Y, kWide>(dy) && packs<X, kWide>(dx);
    withWidth<kWide>(packed, [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N, 1>(dx);
      launch<extremumGradientKernel<X, Y, N>>(w.blocks, w.threads, 0, stream, Pixels<X>(own),
                                              Pixels<X>(other), Pixels<Y>(dy),
                                              GradientPixels<X>(dx, accumulate), w.grid, op.largest, wins);
    });
  });
}

}  // namespace facenet::cuda
