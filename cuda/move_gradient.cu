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

// One axis of an edge_pad or a reflect_pad.
struct MirroredAxis {
  int size, before, after;  // of x, and of the padding

  // use(position in y) for every place where pixel `place` of x stands.
  template <class Use>
  __device__ __forceinline__ void forEachPlace(bool edge, int place, Use use) const {
    use(place + before);
    const int last = size - 1;
    if (edge) {
      for (int y = 0; y < before && place == 0; ++y) use(y);
      for (int y = 0; y < after && place == last; ++y) use(before + size + y);
      return;
    }
    if (place > 0 && place <= before) use(before - place);
    if (place < last && last - place <= after) use(before + last + last - place);
  }
};

struct MirroredImage {
  MirroredAxis rows, columns;
  bool edge;
};

// One thread per N values of dx: the sum of what has been made of each.
// Registers: at most 64.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    mirrorGradientKernel(Pixels<Y> dy, GradientPixels<X> dx, PixelGrid grid, MirroredImage image) {
  const PixelThread<N, 1> thread(grid);
  if (!thread.has(0)) return;
  const MirroredAxis &rows = image.rows, &columns = image.columns;
  const auto pixel = static_cast<unsigned>(thread.first), width = static_cast<unsigned>(columns.size);
  const int row = static_cast<int>(pixel / width % static_cast<unsigned>(rows.size));
  const int outHeight = rows.before + rows.size + rows.after;
  const int outWidth = columns.before + columns.size + columns.after;
  const int64_t first = int64_t{pixel / width / static_cast<unsigned>(rows.size)} * outHeight * outWidth;
  const Pack<X, N> before = dx.template before<N>(thread.first, thread.channel);
  float sums[N] = {};
  rows.forEachPlace(image.edge, row, [&](int y) {
    columns.forEachPlace(image.edge, static_cast<int>(pixel % width), [&](int x) {
      float gradient[N];
      unpack(dy.template load<N>(first + int64_t{y} * outWidth + x, thread.channel), gradient);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += gradient[i];
    });
  });
  dx.put(sums, before, thread.valid, thread.first, thread.channel);
}

void mirrorGradient(const Pad& op, const View& dy, const View& dx, bool accumulate, cudaStream_t stream) {
  FACENET_ASSERT(dx.count == dy.count && dx.shape.channels == dy.shape.channels);
  FACENET_ASSERT(dx.shape.height + op.top + op.bottom == dy.shape.height);
  FACENET_ASSERT(dx.shape.width + op.left + op.right == dy.shape.width);
  FACENET_ASSERT(dx.count * dx.shape.pixels() <= std::numeric_limits<int>::max());
  if (dx.count * dx.shape.elements() == 0) return;
  const auto axisOf = [](int64_t size, int64_t before, int64_t after) {
    return MirroredAxis{static_cast<int>(size), static_cast<int>(before), static_cast<int>(after)};
  };
  const MirroredImage image{axisOf(dx.shape.height, op.top, op.bottom),
                            axisOf(dx.shape.width, op.left, op.right), op.kind == Pad::Kind::edge};
  withTrainedTypes(dx.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    withWidth<kWide>(packs<X, kWide>(dx) && packs<Y, kWide>(dy), [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N, 1>(dx);
      launch<mirrorGradientKernel<X, Y, N>>(w.blocks, w.threads, 0, stream, Pixels<Y>(dy),
                                            GradientPixels<X>(dx, accumulate), w.grid, image);
    });
  });
}

}  // namespace

void backward(const Pad& op, const View&, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  if (op.mirrors()) return mirrorGradient(op, dy, dx, accumulate, stream);
  moveGradient(op.top, op.left, 1, dy, dx, accumulate, stream);
}

void backward(const Upsample& op, const View&, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  moveGradient(0, 0, op.factor, dy, dx, accumulate, stream);
}

}  // namespace facenet::cuda
