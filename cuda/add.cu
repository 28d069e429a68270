#include "cuda/add.cuh"
#include "cuda/common/activate.cuh"
#include "cuda/common/pixel_grid.cuh"

namespace facenet::cuda {
namespace {

template <int N>
__device__ __forceinline__ void activateAll(Activation::Kind kind, float (&numbers)[N], const float* slope) {
  float slopes[N];
  switch (kind) {
    case Activation::Kind::relu:
#pragma unroll
      for (float& number : numbers) number = activated<Activation::Kind::relu>(number, 0);
      break;
    case Activation::Kind::relu6:
#pragma unroll
      for (float& number : numbers) number = activated<Activation::Kind::relu6>(number, 0);
      break;
    case Activation::Kind::prelu: loadOfChannels(slope, slopes);
#pragma unroll
      for (int i = 0; i < N; ++i) numbers[i] = activated<Activation::Kind::prelu>(numbers[i], slopes[i]);
      break;
    default: break;
  }
}

struct Addends {
  int64_t aStride, bStride, yStride;
  float factor;
  Activation::Kind kind;
  const float* slope;
};

// Registers: at most 64.
template <class A, class B, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    addKernel(const A* a, const B* b, Out* y, PixelGrid grid, Addends op) {
  const PixelThread<N> thread(grid);
  if (thread.valid == 0) return;
  Pack<A, N> as[kPixelSteps];
  Pack<B, N> bs[kPixelSteps];
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    as[step] = loadPack<N>(a + thread.pixel(step) * op.aStride + thread.channel);
    bs[step] = loadPack<N>(b + thread.pixel(step) * op.bStride + thread.channel);
  }
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    float left[N], right[N];
    unpack(as[step], left);
    unpack(bs[step], right);
#pragma unroll
    for (int i = 0; i < N; ++i) left[i] = fmaf(op.factor, right[i], left[i]);
    activateAll(op.kind, left, op.slope + thread.channel);
    storeNumbers(left, thread.valid, y + thread.pixel(step) * op.yStride + thread.channel);
  }
}

}  // namespace

void add(const Add& op, const float* slope, const View& a, const View& b, const View& y,
         cudaStream_t stream) {
  FACENET_ASSERT(a.count == y.count && b.count == y.count && a.shape == y.shape && b.shape == y.shape);
  if (y.count * y.shape.elements() == 0) return;
  const Addends addends{a.pixelStride, b.pixelStride, y.pixelStride, op.factor, op.activation.kind, slope};
  withTypes(a.dtype, y.dtype, [&]<class A, class Out>(TypeOf<A>, TypeOf<Out>) {
    withType(b.dtype, [&]<class B>(TypeOf<B>) {
      if constexpr (kMeet<A, B, Out>) {
        constexpr int kWide = kPackedChannels<A, B, Out>;
        withWidth<kWide>(packs<A, kWide>(a) && packs<B, kWide>(b) && packs<Out, kWide>(y),
                         [&]<int N>(Width<N>) {
                           const PixelLaunch w = pixelLaunch<N>(y);
                           launch<addKernel<A, B, Out, N>>(w.blocks, w.threads, 0, stream, a.as<const A>(),
                                                           b.as<const B>(), y.as<Out>(), w.grid, addends);
                         });
      } else {
        FACENET_ASSERT(b.dtype == a.dtype || b.dtype == y.dtype);
      }
    });
  });
}

}  // namespace facenet::cuda
