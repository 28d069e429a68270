#include "cuda/common/activate.cuh"
#include "cuda/common/pixel_grid.cuh"
#include "cuda/elementwise.cuh"

namespace facenet::cuda {
namespace {

template <Activation::Kind Kind>
struct Activate {
  const float* slope;

  template <int N>
  struct OfChannels {
    float slope[N];
    __device__ OfChannels(const Activate& op, int channel) {
      if constexpr (Kind == Activation::Kind::prelu) loadOfChannels(op.slope + channel, slope);
    }
    __device__ float operator()(float value, int i) const { return activated<Kind>(value, slope[i]); }
  };
};

struct ScaleShift {
  const float *scale, *shift;

  template <int N>
  struct OfChannels {
    float scale[N], shift[N];
    __device__ OfChannels(const ScaleShift& op, int channel) {
      loadOfChannels(op.scale + channel, scale);
      loadOfChannels(op.shift + channel, shift);
    }
    __device__ float operator()(float value, int i) const { return fmaf(value, scale[i], shift[i]); }
  };
};

// Registers: at most 56.
template <class Function, class In, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    elementwiseKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, PixelGrid grid,
                      Function function) {
  const PixelThread<N> thread(grid);
  if (thread.valid == 0) return;
  const typename Function::template OfChannels<N> apply(function, thread.channel);
  Pack<In, N> packs[kPixelSteps];
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step)
    if (thread.has(step)) packs[step] = loadPack<N>(x + thread.pixel(step) * xStride + thread.channel);
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    float numbers[N];
    unpack(packs[step], numbers);
#pragma unroll
    for (int i = 0; i < N; ++i) numbers[i] = apply(numbers[i], i);
    storeNumbers(numbers, thread.valid, y + thread.pixel(step) * yStride + thread.channel);
  }
}

template <class Function>
void elementwise(const Function& function, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape);
  if (y.count * y.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    withWidth<kWide>(packs<In, kWide>(x) && packs<Out, kWide>(y), [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N>(y);
      launch<elementwiseKernel<Function, In, Out, N>>(w.blocks, w.threads, 0, stream, x.as<const In>(),
                                                      x.pixelStride, y.as<Out>(), y.pixelStride, w.grid,
                                                      function);
    });
  });
}

}  // namespace

void activation(Activation::Kind kind, const float* slope, const View& x, const View& y,
                cudaStream_t stream) {
  withActivation(
      kind, [&](auto constant) { elementwise(Activate<decltype(constant)::value>{slope}, x, y, stream); });
}

void scaleShift(const float* scale, const float* shift, const View& x, const View& y, cudaStream_t stream) {
  elementwise(ScaleShift{scale, shift}, x, y, stream);
}

void copyChannels(const View& x, const View& y, cudaStream_t stream) {
  activation(Activation::Kind::none, nullptr, x, y, stream);
}

}  // namespace facenet::cuda
