#include "cuda/common/channels.cuh"
#include "cuda/maxout.cuh"

namespace facenet::cuda {
namespace {

// Pairs, which the paper's networks take: N maxima from two times N numbers.
// Registers: at most 56.
template <class In, class Out, int N>
__global__ void __launch_bounds__(kWalkThreads, kWalkBlocksAnSm)
    maxoutPairsKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, Walk walk) {
  const Walker<N> walker(walk);
  if (walker.valid == 0) return;
  const bool both = 2 * walker.valid > N;
  Pack<In, N> lower[kWalkSteps], upper[kWalkSteps];
#pragma unroll
  for (int step = 0; step < kWalkSteps; ++step) {
    if (!walker.has(step)) break;
    const In* from = x + walker.pixel(step) * xStride + 2 * walker.channel;
    lower[step] = upper[step] = loadPack<N>(from);
    if (both) upper[step] = loadPack<N>(from + N);
  }
#pragma unroll
  for (int step = 0; step < kWalkSteps; ++step) {
    if (!walker.has(step)) break;
    float low[N], high[N], largest[N];
    unpack(lower[step], low);
    unpack(upper[step], high);
#pragma unroll
    for (int i = 0; i < N / 2; ++i) {
      largest[i] = fmaxf(low[2 * i], low[2 * i + 1]);
      largest[N / 2 + i] = fmaxf(high[2 * i], high[2 * i + 1]);
    }
    storeNumbers(largest, walker.valid, y + walker.pixel(step) * yStride + walker.channel);
  }
}

// Any number of pieces, a maximum a thread.
// Registers: at most 40.
template <class In, class Out>
__global__ void __launch_bounds__(kWalkThreads, kWalkBlocksAnSm)
    maxoutKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, Walk walk, int64_t pieces) {
  const Walker<1> walker(walk);
  for (int step = 0; step < kWalkSteps; ++step) {
    if (!walker.has(step)) break;
    const In* from = x + walker.pixel(step) * xStride + walker.channel * pieces;
    float largest[1] = {-INFINITY};
    for (int64_t i = 0; i < pieces; ++i) {
      float number[1];
      unpack(from[i], number);
      largest[0] = fmaxf(largest[0], number[0]);
    }
    storeNumbers(largest, 1, y + walker.pixel(step) * yStride + walker.channel);
  }
}

}  // namespace

void maxout(const Maxout& op, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape.pixels() == y.shape.pixels());
  FACENET_ASSERT(x.shape.channels == y.shape.channels * op.pieces);
  if (y.count * y.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    const auto* from = x.as<const In>();
    auto* to = y.as<Out>();
    if (op.pieces == 2 && packs<In, kWide>(x) && packs<Out, kWide>(y)) {
      const WalkLaunch w = walkOver<kWide>(y);
      launch<maxoutPairsKernel<In, Out, kWide>>(w.grid, w.threads, 0, stream, from, x.pixelStride, to,
                                                y.pixelStride, w.walk);
    } else {
      const WalkLaunch w = walkOver<1>(y);
      launch<maxoutKernel<In, Out>>(w.grid, w.threads, 0, stream, from, x.pixelStride, to, y.pixelStride,
                                    w.walk, op.pieces);
    }
  });
}

}  // namespace facenet::cuda
