#include <limits>

#include "cuda/common/pixel_grid.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

// Where the image, each pixel of it factor x factor times, lies in the output, and what is around it.
struct Placement {
  unsigned outHeight, outWidth;
  int top, left, factor;
  int inHeight, inWidth, inChannels;
  Pad::Kind kind = Pad::Kind::zero;
  float value = 0;

  // Along one axis of an edge_pad or a reflect_pad.
  __device__ __forceinline__ int mirrored(int position, int size) const {
    if (kind == Pad::Kind::edge) return min(max(position, 0), size - 1);
    return size - 1 - abs(size - 1 - abs(position));
  }

  // The pixel that output pixel `pixel` shows; -1: none.
  __device__ __forceinline__ int source(unsigned pixel) const {
    const unsigned rowOfAll = pixel / outWidth;
    int column = static_cast<int>(pixel % outWidth) - left;
    int row = static_cast<int>(rowOfAll % outHeight) - top;
    if (kind == Pad::Kind::edge || kind == Pad::Kind::reflect)
      row = mirrored(row, inHeight), column = mirrored(column, inWidth);
    if (row < 0 || column < 0 || row >= inHeight * factor || column >= inWidth * factor) return -1;
    return (static_cast<int>(rowOfAll / outHeight) * inHeight + row / factor) * inWidth + column / factor;
  }
};

// A block more per multiprocessor than others of this shape: without it the compiler takes registers that it does not need.
// Registers: at most 48.
template <class In, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm + 1)
    moveKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, PixelGrid grid, Placement placement) {
  const PixelThread<N> thread(grid);
  if (thread.valid == 0) return;
  const int left = placement.inChannels - thread.channel;  // of the image's channels
  int sources[kPixelSteps];
  Pack<In, N> packs[kPixelSteps];
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    sources[step] = -1;
    if (thread.has(step) && left > 0)
      sources[step] = placement.source(static_cast<unsigned>(thread.pixel(step)));
    if (sources[step] >= 0) packs[step] = loadPack<N>(x + int64_t{sources[step]} * xStride + thread.channel);
  }
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    float numbers[N] = {};
    if (sources[step] >= 0) unpack(packs[step], numbers);
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (i >= left || sources[step] < 0) numbers[i] = placement.value;
    storeNumbers(numbers, thread.valid, y + thread.pixel(step) * yStride + thread.channel);
  }
}

void move(const Placement& placement, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count);
  for (const View& view : {x, y})
    FACENET_ASSERT(view.count * view.shape.pixels() <= std::numeric_limits<int>::max());
  if (y.count * y.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    withWidth<kWide>(packs<In, kWide>(x) && packs<Out, kWide>(y), [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N>(y);
      launch<moveKernel<In, Out, N>>(w.blocks, w.threads, 0, stream, x.as<const In>(), x.pixelStride,
                                     y.as<Out>(), y.pixelStride, w.grid, placement);
    });
  });
}

Placement placed(const View& x, const View& y, int64_t top, int64_t left, int64_t factor) {
  return {static_cast<unsigned>(y.shape.height),
          static_cast<unsigned>(y.shape.width),
          static_cast<int>(top),
          static_cast<int>(left),
          static_cast<int>(factor),
          static_cast<int>(x.shape.height),
          static_cast<int>(x.shape.width),
          static_cast<int>(x.shape.channels)};
}

}  // namespace

void forward(const Pad& op, const View& x, const View& y, cudaStream_t stream) {
  Placement placement = placed(x, y, op.top, op.left, 1);
  placement.kind = op.kind;
  placement.value = op.value;
  move(placement, x, y, stream);
}

void forward(const Upsample& op, const View& x, const View& y, cudaStream_t stream) {
  move(placed(x, y, 0, 0, op.factor), x, y, stream);
}

std::string describe(const Pad&) {
  return "copy";
}

std::string describe(const Upsample&) {
  return "copy";
}

}  // namespace facenet::cuda
