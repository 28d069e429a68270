#include <cmath>
#include <limits>

#include "cuda/common/argmax.cuh"
#include "cuda/common/gradient.cuh"
#include "cuda/common/pool_window.cuh"
#include "cuda/pool_gradient.cuh"

namespace facenet::cuda {
namespace {

// The largest so far, and its position in the window.
template <int N>
struct Winner {
  float largest[N];
  int position[N];

  __device__ __forceinline__ explicit Winner(int firstPosition) {
#pragma unroll
    for (int i = 0; i < N; ++i) largest[i] = -INFINITY, position[i] = firstPosition;
  }
  template <class Packed>
  __device__ __forceinline__ void meet(Packed packed, int itsPosition) {
    float numbers[N];
    unpack(packed, numbers);
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (numbers[i] > largest[i]) largest[i] = numbers[i], position[i] = itsPosition;
  }
};

// One thread per N output values, as in cuda/pool.cu.
// Registers: at most 64.
template <class X, class Y, int N, int Side>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    maxPoolKernel(Pixels<X> x, Y* y, int64_t yStride, uint8_t* argmax, int64_t argmaxStride, PixelGrid grid,
                  Geometry g) {
  const PixelThread<N, 1> thread(grid);
  if (!thread.has(0)) return;
  const auto pixel = static_cast<unsigned>(thread.first);
  const unsigned rowOfAll = pixel / g.outWidth;
  constexpr bool kDilated = Side == 0;
  const Span rows = spanOf<kDilated>(g.rows, rowOfAll % g.outHeight);
  const Span columns = spanOf<kDilated>(g.columns, pixel % g.outWidth);
  const int64_t image = int64_t{rowOfAll / g.outHeight} * g.rows.size * g.columns.size;
  const int top = static_cast<int>(rowOfAll % g.outHeight) * g.rows.stride - g.rows.before;
  const int left = static_cast<int>(pixel % g.outWidth) * g.columns.stride - g.columns.before;
  const auto load = [&](int row, int column) {
    return x.template load<N>(image + int64_t{row} * g.columns.size + column, thread.channel);
  };
  const auto positionOf = [&](int row, int column) {
    return (row - top) / rows.step * g.columns.kernel + (column - left) / columns.step;
  };

  Winner<N> winner(positionOf(rows.begin, columns.begin));
  if constexpr (Side > 1) {
#pragma unroll
    for (int r = 0; r < Side; ++r) {
      const int row = rows.begin + r;
      if (row >= rows.end) break;
      Pack<X, N> packs[Side];
#pragma unroll
      for (int c = 0; c < Side; ++c)
        if (columns.begin + c < columns.end) packs[c] = load(row, columns.begin + c);
#pragma unroll
      for (int c = 0; c < Side; ++c)
        if (columns.begin + c < columns.end) winner.meet(packs[c], positionOf(row, columns.begin + c));
    }
  } else {
    for (int row = rows.begin; row < rows.end; row += rows.step)
#pragma unroll 4
      for (int column = columns.begin; column < columns.end; column += columns.step)
        winner.meet(load(row, column), positionOf(row, column));
  }
  storeNumbers(winner.largest, thread.valid, y + thread.first * yStride + thread.channel);
  Argmax<N> packed;
  packed.set(winner.position);
  *reinterpret_cast<Argmax<N>*>(argmax + thread.first * argmaxStride + thread.channel) = packed;
}

}  // namespace

int64_t argmaxBytes(int64_t count, const Shape& output) {
  return count * output.pixels() * argmaxStride(output.channels);
}

void maxPool(const Pool& op, const View& x, const View& y, uint8_t* argmax, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape.channels == y.shape.channels);
  FACENET_ASSERT(op.kind == Pool::Kind::max &&
                 op.window.kernelHeight * op.window.kernelWidth <= kMaxPooledPixels);
  FACENET_ASSERT(y.count * y.shape.pixels() <= std::numeric_limits<int>::max());
  if (y.count * y.shape.elements() == 0) return;
  const Geometry geometry = geometryOf(op, x, y);
  withTrainedTypes(x.dtype, y.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    withWidth<kWide>(packs<X, kWide>(x) && packs<Y, kWide>(y), [&]<int N>(Width<N>) {
      withSide<N>(op.window, [&]<int Side>(std::integral_constant<int, Side>) {
        const PixelLaunch w = pixelLaunch<N, 1>(y);
        launch<maxPoolKernel<X, Y, N, Side>>(w.blocks, w.threads, 0, stream, Pixels<X>(x), y.as<Y>(),
                                             y.pixelStride, argmax, argmaxStride(y.shape.channels), w.grid,
                                             geometry);
      });
    });
  });
}

}  // namespace facenet::cuda
