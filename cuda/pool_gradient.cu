#include <limits>

#include "cuda/common/argmax.cuh"
#include "cuda/common/gradient.cuh"
#include "cuda/common/pool_window.cuh"
#include "cuda/pool_gradient.cuh"

namespace facenet::cuda {
namespace {

// Of a dilated window, whatever number of windows holds a pixel.
constexpr int kDilated = -1;

// Along one axis: the windows [first, last] that hold a pixel, or where they are dilated some of its neighbours.
struct Holders {
  int first, last;
};
template <bool Dilated>
__device__ __forceinline__ Holders holdersOf(const Axis& axis, int pixel, unsigned windows) {
  const int padded = pixel + axis.before;  // in the padded image
  const int beyond = padded - (Dilated ? (axis.kernel - 1) * axis.dilation + 1 : axis.kernel);
  return {beyond < 0 ? 0 : beyond / axis.stride + 1,
          min(padded / axis.stride, static_cast<int>(windows) - 1)};
}

template <class X, class Y>
struct PoolArguments {
  Pixels<X> x;
  Pixels<Y> y, dy;
  const uint8_t* argmax;
  int64_t argmaxStride;
  Geometry g;
};

// What a thread knows of one window: its gradient, and how that is shared out.
template <class Y, int N, Pool::Kind Kind>
struct PooledWindow {
  Pack<Y, N> y, dy;
  Argmax<N> argmax;

  template <class X>
  __device__ __forceinline__ void load(const PoolArguments<X, Y>& a, int64_t pixel, int channel) {
    dy = a.dy.template load<N>(pixel, channel);
    if constexpr (Kind == Pool::Kind::l2) y = a.y.template load<N>(pixel, channel);
    if constexpr (Kind == Pool::Kind::max)
      argmax = *reinterpret_cast<const Argmax<N>*>(a.argmax + pixel * a.argmaxStride + channel);
  }

  // x / y, or 0. With 16 bits within 2 ulp of fp32; there a y below the least normal number counts as zero,
  // since its reciprocal would be infinite.
  template <class X>
  static __device__ __forceinline__ float quotient(float x, float y) {
    if constexpr (sizeof(X) == 4)
      return y == 0.f ? 0.f : x / y;
    else
      return y < 0x1p-126f ? 0.f : __fdividef(x, y);
  }

  // Adds to a pixel's gradient. `position`: of the pixel in the window; x: its values (l2_pool).
  template <class X>
  __device__ __forceinline__ void addTo(float (&sums)[N], int position, const float (&x)[N],
                                        float divisor) const {
    float gradient[N], out[N];
    unpack(dy, gradient);
    if constexpr (Kind == Pool::Kind::l2) unpack(y, out);
    const float share = 1.f / divisor;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      if constexpr (Kind == Pool::Kind::max)
        sums[i] += argmax.at(i) == position ? gradient[i] : 0.f;
      else if constexpr (Kind == Pool::Kind::avg)
        sums[i] = fmaf(gradient[i], share, sums[i]);
      else
        sums[i] = fmaf(quotient<X>(x[i], out[i]), gradient[i] * share, sums[i]);
    }
  }
};

// One thread per N values of dx, which it gathers from the windows that hold them; what neighbours share comes from
// the caches. Across: how many windows of a row hold a pixel at most, all of which are on their way at once;
// 0: any number; kDilated.
// Registers: at most 80.
template <class X, class Y, int N, Pool::Kind Kind, int Across>
__global__ void __launch_bounds__(kPixelThreads, 3)
    poolGradientKernel(PoolArguments<X, Y> a, GradientPixels<X> dx, PixelGrid grid) {
  const PixelThread<N, 1> thread(grid);
  if (!thread.has(0)) return;
  const Geometry& g = a.g;
  const auto pixel = static_cast<unsigned>(thread.first);
  const unsigned rowOfAll = pixel / static_cast<unsigned>(g.columns.size);
  const int row = static_cast<int>(rowOfAll % static_cast<unsigned>(g.rows.size));
  const int column = static_cast<int>(pixel % static_cast<unsigned>(g.columns.size));
  const int64_t image = int64_t{rowOfAll / static_cast<unsigned>(g.rows.size)} * g.outHeight * g.outWidth;
  constexpr bool kIsDilated = Across == kDilated;
  const Holders rows = holdersOf<kIsDilated>(g.rows, row, g.outHeight),
                columns = holdersOf<kIsDilated>(g.columns, column, g.outWidth);

  const Pack<X, N> before = dx.template before<N>(thread.first, thread.channel);
  float in[N] = {}, sums[N] = {};
  if constexpr (Kind == Pool::Kind::l2) unpack(a.x.template load<N>(thread.first, thread.channel), in);
  const auto pixelOf = [&](int outRow, int outColumn) {
    return image + int64_t{outRow} * g.outWidth + outColumn;
  };
  const auto add = [&](const PooledWindow<Y, N, Kind>& window, int outRow, int outColumn) {
    int down = row - (outRow * g.rows.stride - g.rows.before);
    int across = column - (outColumn * g.columns.stride - g.columns.before);
    if constexpr (kIsDilated) down /= g.rows.dilation, across /= g.columns.dilation;
    const float divisor = Kind == Pool::Kind::avg || (Kind == Pool::Kind::l2 && g.mean)
                              ? divisorOf(g, spanOf<kIsDilated>(g.rows, static_cast<unsigned>(outRow)),
                                          spanOf<kIsDilated>(g.columns, static_cast<unsigned>(outColumn)))
                              : 1.f;
    window.template addTo<X>(sums, down * g.columns.kernel + across, in, divisor);
  };
  // Whether a pixel is a tap of a window that reaches over it.
  const auto isTap = [](const Axis& axis, int place, int window) {
    return !kIsDilated || (place + axis.before - window * axis.stride) % axis.dilation == 0;
  };
  for (int outRow = rows.first; outRow <= rows.last; ++outRow) {
    if (!isTap(g.rows, row, outRow)) continue;
    if constexpr (Across > 0) {
      PooledWindow<Y, N, Kind> windows[Across] = {};
#pragma unroll
      for (int k = 0; k < Across; ++k)
        if (columns.first + k <= columns.last)
          windows[k].load(a, pixelOf(outRow, columns.first + k), thread.channel);
#pragma unroll
      for (int k = 0; k < Across; ++k)
        if (columns.first + k <= columns.last) add(windows[k], outRow, columns.first + k);
    } else {
      for (int outColumn = columns.first; outColumn <= columns.last; ++outColumn) {
        if (!isTap(g.columns, column, outColumn)) continue;
        PooledWindow<Y, N, Kind> window;
        window.load(a, pixelOf(outRow, outColumn), thread.channel);
        add(window, outRow, outColumn);
      }
    }
  }
  dx.put(sums, before, thread.valid, thread.first, thread.channel);
}

// run(Across as a constant)
template <int N, class Run>
void withAcross(const Geometry& g, Run run) {
  const Axis& columns = g.columns;
  if (g.rows.dilation > 1 || columns.dilation > 1) return run(std::integral_constant<int, kDilated>());
  const int windows = ceilDivide(columns.kernel, columns.stride);
  if constexpr (N > 1) {
    if (windows == 1) return run(std::integral_constant<int, 1>());
    if (windows == 2) return run(std::integral_constant<int, 2>());
    if (windows == 3) return run(std::integral_constant<int, 3>());
  }
  run(std::integral_constant<int, 0>());
}

}  // namespace

void poolGradient(const Pool& op, const PoolPass& pass, const View& dx, bool accumulate,
                  cudaStream_t stream) {
  using enum Pool::Kind;
  const View& dy = pass.dy;
  FACENET_ASSERT(dx.count == dy.count && dx.shape.channels == dy.shape.channels);
  FACENET_ASSERT(op.kind != max || pass.argmax);
  FACENET_ASSERT(op.kind != l2 || (pass.x.dtype == dx.dtype && pass.x.shape == dx.shape &&
                                   pass.y.dtype == dy.dtype && pass.y.shape == dy.shape));
  FACENET_ASSERT(dx.count * dx.shape.pixels() <= std::numeric_limits<int>::max());
  if (dx.count * dx.shape.elements() == 0) return;
  const View &x = op.kind == l2 ? pass.x : dx, &y = op.kind == l2 ? pass.y : dy;
  withTrainedTypes(dx.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    const PoolArguments<X, Y> arguments{
        Pixels<X>(x),          Pixels<Y>(y), Pixels<Y>(dy), pass.argmax, argmaxStride(dy.shape.channels),
        geometryOf(op, dx, dy)};
    constexpr int kWide = kPackedChannels<X, Y>;
    const bool packed =
        packs<X, kWide>(x) && packs<Y, kWide>(y) && packs<Y, kWide>(dy) && packs<X, kWide>(dx);
    withWidth<kWide>(packed, [&]<int N>(Width<N>) {
      withAcross<N>(arguments.g, [&]<int Across>(std::integral_constant<int, Across>) {
        const PixelLaunch w = pixelLaunch<N, 1>(dx);
        const GradientPixels<X> out(dx, accumulate);
        switch (op.kind) {
          case max:
            return launch<poolGradientKernel<X, Y, N, max, Across>>(w.blocks, w.threads, 0, stream, arguments,
                                                                    out, w.grid);
          case avg:
            return launch<poolGradientKernel<X, Y, N, avg, Across>>(w.blocks, w.threads, 0, stream, arguments,
                                                                    out, w.grid);
          case l2:
            return launch<poolGradientKernel<X, Y, N, l2, Across>>(w.blocks, w.threads, 0, stream, arguments,
                                                                   out, w.grid);
        }
      });
    });
  });
}

}  // namespace facenet::cuda
