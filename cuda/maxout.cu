#include "cuda/common/pixel_grid.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

// Pairs, which the paper's networks take: N maxima from two times N numbers.
// Registers: at most 56.
template <class In, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    maxoutPairsKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, PixelGrid grid) {
  const PixelThread<N> thread(grid);
  if (thread.valid == 0) return;
  const bool both = 2 * thread.valid > N;
  Pack<In, N> lower[kPixelSteps], upper[kPixelSteps];
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    const In* from = x + thread.pixel(step) * xStride + 2 * thread.channel;
    lower[step] = upper[step] = loadPack<N>(from);
    if (both) upper[step] = loadPack<N>(from + N);
  }
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    float low[N], high[N], largest[N];
    unpack(lower[step], low);
    unpack(upper[step], high);
#pragma unroll
    for (int i = 0; i < N / 2; ++i) {
      largest[i] = fmaxf(low[2 * i], low[2 * i + 1]);
      largest[N / 2 + i] = fmaxf(high[2 * i], high[2 * i + 1]);
    }
    storeNumbers(largest, thread.valid, y + thread.pixel(step) * yStride + thread.channel);
  }
}

// Any number of pieces, one maximum per thread.
// Registers: at most 40.
template <class In, class Out>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    maxoutKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, PixelGrid grid, int64_t pieces) {
  const PixelThread<1> thread(grid);
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    const In* from = x + thread.pixel(step) * xStride + thread.channel * pieces;
    float largest[1] = {-INFINITY};
    for (int64_t i = 0; i < pieces; ++i) {
      float number[1];
      unpack(from[i], number);
      largest[0] = fmaxf(largest[0], number[0]);
    }
    storeNumbers(largest, 1, y + thread.pixel(step) * yStride + thread.channel);
  }
}

}  // namespace

void forward(const Maxout& op, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape.pixels() == y.shape.pixels());
  FACENET_ASSERT(x.shape.channels == y.shape.channels * op.pieces);
  if (y.count * y.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    const auto* from = x.as<const In>();
    auto* to = y.as<Out>();
    if (op.pieces == 2 && packs<In, kWide>(x) && packs<Out, kWide>(y)) {
      const PixelLaunch w = pixelLaunch<kWide>(y);
      launch<maxoutPairsKernel<In, Out, kWide>>(w.blocks, w.threads, 0, stream, from, x.pixelStride, to,
                                                y.pixelStride, w.grid);
    } else {
      const PixelLaunch w = pixelLaunch<1>(y);
      launch<maxoutKernel<In, Out>>(w.blocks, w.threads, 0, stream, from, x.pixelStride, to, y.pixelStride,
                                    w.grid, op.pieces);
    }
  });
}

std::string describe(const Maxout& op) {
  return text("maximum of ", op.pieces);
}

}  // namespace facenet::cuda
