#include <limits>

#include "cuda/common/gradient.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

// Where the image, each pixel of it factor x factor times, lies in the output.
struct MovedImage {
  unsigned height, width;
  int outHeight, outWidth, top, left, factor;
};

// One thread per N values of dx: the sum of what has been made of each.
// Registers: at most 48.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    moveGradientKernel(Pixels<Y> dy, GradientPixels<X> dx, PixelGrid grid, MovedImage image) {
  const PixelThread<N, 1> thread(grid);
  if (!thread.has(0)) return;
  const auto pixel = static_cast<unsigned>(thread.first);
  const unsigned rowOfAll = pixel / image.width;
  const int row = static_cast<int>(rowOfAll % image.height) * image.factor + image.top;
  const int column = static_cast<int>(pixel % image.width) * image.factor + image.left;
  const int64_t first = (int64_t{rowOfAll / image.height} * image.outHeight + row) * image.outWidth + column;
  const Pack<X, N> before = dx.template before<N>(thread.first, thread.channel);
  float sums[N] = {};
  for (int y = 0; y < image.factor; ++y)
#pragma unroll 2
    for (int x = 0; x < image.factor; ++x) {
      float gradient[N];
      unpack(dy.template load<N>(first + int64_t{y} * image.outWidth + x, thread.channel), gradient);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += gradient[i];
    }
  dx.put(sums, before, thread.valid, thread.first, thread.channel);
}

void moveGradient(int64_t top, int64_t left, int64_t factor, const View& dy, const View& dx, bool accumulate,
                  cudaStream_t stream) {
  FACENET_ASSERT(dx.count == dy.count && dx.shape.channels <= dy.shape.channels);
  FACENET_ASSERT(dx.shape.height * factor + top <= dy.shape.height);
  FACENET_ASSERT(dx.shape.width * factor + left <= dy.shape.width);
  FACENET_ASSERT(dx.count * dx.shape.pixels() <= std::numeric_limits<int>::max());
  if (dx.count * dx.shape.elements() == 0) return;
  const MovedImage image{static_cast<unsigned>(dx.shape.height),
                         static_cast<unsigned>(dx.shape.width),
                         static_cast<int>(dy.shape.height),
                         static_cast<int>(dy.shape.width),
                         static_cast<int>(top),
                         static_cast<int>(left),
                         static_cast<int>(factor)};
  withTrainedTypes(dx.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    withWidth<kWide>(packs<X, kWide>(dx) && packs<Y, kWide>(dy), [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N, 1>(dx);
      launch<moveGradientKernel<X, Y, N>>(w.blocks, w.threads, 0, stream, Pixels<Y>(dy),
                                          GradientPixels<X>(dx, accumulate), w.grid, image);
    });
  });
}

}  // namespace

void backward(const ZeroPad& op, const View&, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  moveGradient(op.top, op.left, 1, dy, dx, accumulate, stream);
}

void backward(const Upsample& op, const View&, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  moveGradient(0, 0, op.factor, dy, dx, accumulate, stream);
}

}  // namespace facenet::cuda
