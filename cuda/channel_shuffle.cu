#include "cuda/common/gradient.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

// A thread writes N neighbouring channels, which it reads one by one: all lanes together read whole sectors.
// Registers: at most 64.
template <class In, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    channelShuffleKernel(Pixels<In> x, GradientPixels<Out> y, PixelGrid grid, int groups) {
  const PixelThread<N, kGradientSteps> thread(grid);
  if (thread.valid == 0) return;
  const int perGroup = grid.channels / groups;
  int sources[N];
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const int c = thread.channel + i;
    sources[i] = i < thread.valid ? c % groups * perGroup + c / groups : 0;
  }
#pragma unroll
  for (int step = 0; step < kGradientSteps; ++step) {
    if (!thread.has(step)) break;
    const int64_t pixel = thread.pixel(step);
    const Pack<Out, N> before = y.template before<N>(pixel, thread.channel);
    float numbers[N];
#pragma unroll
    for (int i = 0; i < N; ++i) {
      float number[1];
      unpack(x.template load<1>(pixel, sources[i]), number);
      numbers[i] = number[0];
    }
    y.put(numbers, before, thread.valid, pixel, thread.channel);
  }
}

void shuffle(const ChannelShuffle& op, const View& x, const View& y, bool accumulate, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape && x.shape.channels % op.groups == 0);
  if (y.count * y.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<Out>;
    withWidth<kWide>(packs<Out, kWide>(y), [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N, kGradientSteps>(y);
      launch<channelShuffleKernel<In, Out, N>>(w.blocks, w.threads, 0, stream, Pixels<In>(x),
                                               GradientPixels<Out>(y, accumulate), w.grid,
                                               static_cast<int>(op.groups));
    });
  });
}

}  // namespace

void forward(const ChannelShuffle& op, const View& x, const View& y, cudaStream_t stream) {
  shuffle(op, x, y, false, stream);
}

void backward(const ChannelShuffle& op, const View&, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  shuffle(op.inverse(dy.shape.channels), dy, dx, accumulate, stream);
}

std::string describe(const ChannelShuffle&) {
  return "a value a channel";
}

}  // namespace facenet::cuda
