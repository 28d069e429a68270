#include <limits>

#include "cuda/common/gradient.cuh"
#include "cuda/multiply.cuh"

namespace facenet::cuda {
namespace {

// `pixelsOfB`: of y that share a pixel of b.
// Registers: at most 64.
template <class A, class B, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    multiplyKernel(Pixels<A> a, Pixels<B> b, GradientPixels<Out> y, PixelGrid grid, unsigned pixelsOfB) {
  const PixelThread<N, kGradientSteps> thread(grid);
  if (thread.valid == 0) return;
  Pack<A, N> as[kGradientSteps];
  Pack<B, N> bs[kGradientSteps];
  Pack<Out, N> before[kGradientSteps];
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    const int64_t pixel = thread.pixel(step);
    as[step] = a.template load<N>(pixel, thread.channel);
    bs[step] = b.template load<N>(static_cast<unsigned>(pixel) / pixelsOfB, thread.channel);
    before[step] = y.template before<N>(pixel, thread.channel);
  }
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    float left[N], right[N];
    unpack(as[step], left);
    unpack(bs[step], right);
#pragma unroll
    for (int i = 0; i < N; ++i) left[i] *= right[i];
    y.put(left, before[step], thread.valid, thread.pixel(step), thread.channel);
  }
}

struct Partials {
  float values[kPixelThreads * 8];
};

// A block has an image and up to kPixelThreads groups of N channels; its rows of threads share the pixels, and their sums
// are added in the order of the rows.
// Registers: at most 64.
template <class X, class Y, class D, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    multiplySumsKernel(Pixels<X> a, Pixels<Y> dy, GradientPixels<D> db, int pixels, int channels,
                       int groups) {
  const int group = static_cast<int>(threadIdx.x) % groups, row = static_cast<int>(threadIdx.x) / groups;
  const int rows = kPixelThreads / groups;
  const int channel = (static_cast<int>(blockIdx.y) * groups + group) * N;
  const bool has = row < rows && channel < channels;
  float sums[N] = {};
  if (has)
    for (int p = row; p < pixels; p += rows) {
      const int64_t pixel = int64_t{blockIdx.x} * pixels + p;
      float left[N], right[N];
      unpack(a.template load<N>(pixel, channel), left);
      unpack(dy.template load<N>(pixel, channel), right);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] = fmaf(left[i], right[i], sums[i]);
    }
  Partials& partials = shared<Partials>();
#pragma unroll
  for (int i = 0; i < N; ++i) partials.values[threadIdx.x * N + i] = sums[i];
  __syncthreads();
  if (!has || row > 0) return;
  for (int other = 1; other < rows; ++other)
#pragma unroll
    for (int i = 0; i < N; ++i) sums[i] += partials.values[(other * groups + group) * N + i];
  db.put(sums, db.template before<N>(blockIdx.x, channel), min(channels - channel, N), blockIdx.x, channel);
}

}  // namespace

void multiply(const View& a, const View& b, const View& y, bool accumulate, cudaStream_t stream) {
  FACENET_ASSERT(a.count == y.count && b.count == y.count && a.shape == y.shape);
  FACENET_ASSERT(b.shape == y.shape || b.shape == Shape({1, 1, y.shape.channels}));
  FACENET_ASSERT(y.count * y.shape.pixels() <= std::numeric_limits<int>::max());
  if (y.count * y.shape.elements() == 0) return;
  const auto pixelsOfB = static_cast<unsigned>(y.shape.pixels() / b.shape.pixels());
  withTypes(a.dtype, y.dtype, [&]<class A, class Out>(TypeOf<A>, TypeOf<Out>) {
    withType(b.dtype, [&]<class B>(TypeOf<B>) {
      if constexpr (kMeet<A, B, Out>) {
        constexpr int kWide = kPackedChannels<A, B, Out>;
        withWidth<kWide>(
            packs<A, kWide>(a) && packs<B, kWide>(b) && packs<Out, kWide>(y), [&]<int N>(Width<N>) {
              const PixelLaunch w = pixelLaunch<N, kGradientSteps>(y);
              launch<multiplyKernel<A, B, Out, N>>(w.blocks, w.threads, 0, stream, Pixels<A>(a), Pixels<B>(b),
                                                   GradientPixels<Out>(y, accumulate), w.grid, pixelsOfB);
            });
      } else {
        FACENET_ASSERT(b.dtype == a.dtype || b.dtype == y.dtype);
      }
    });
  });
}

void multiplySums(const View& a, const View& dy, const View& db, bool accumulate, cudaStream_t stream) {
  FACENET_ASSERT(a.count == dy.count && a.shape == dy.shape && db.count == dy.count);
  FACENET_ASSERT(db.shape == Shape({1, 1, dy.shape.channels}));
  FACENET_ASSERT(dy.shape.pixels() <= std::numeric_limits<int>::max() - kPixelThreads);
  if (dy.count * dy.shape.elements() == 0) return;
  withTrainedTypes(a.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    withTrainedType(db.dtype, [&]<class D>(TypeOf<D>) {
      constexpr int kWide = kPackedChannels<X, Y, D>;
      const bool packed = packs<X, kWide>(a) && packs<Y, kWide>(dy) && packs<D, kWide>(db);
      withWidth<kWide>(packed, [&]<int N>(Width<N>) {
        const int64_t all = ceilDivide(dy.shape.channels, N), groups = std::min<int64_t>(all, kPixelThreads);
        const int64_t slabs = ceilDivide(all, groups);
        FACENET_ASSERT(slabs <= 65535 && dy.count < (int64_t{1} << 31));
        const dim3 blocks(static_cast<unsigned>(dy.count), static_cast<unsigned>(slabs));
        launch<multiplySumsKernel<X, Y, D, N>>(blocks, kPixelThreads, 0, stream, Pixels<X>(a), Pixels<Y>(dy),
                                               GradientPixels<D>(db, accumulate),
                                               static_cast<int>(dy.shape.pixels()),
                                               static_cast<int>(dy.shape.channels), static_cast<int>(groups));
      });
    });
  });
}

}  // namespace facenet::cuda
