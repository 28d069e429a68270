#include "cuda/common/gradient.cuh"
#include "cuda/lrn_power.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpSize;

// base^-beta and base^(-beta - 1)
struct Powers {
  float beta, next;
};
template <Power P, bool Rough>
__device__ __forceinline__ Powers powersOf(float base, const LrnConstants& c) {
  if constexpr (P == Power::threeQuarters && Rough) {
    // As in cuda/lrn.cu.
    const float root = rsqrtf(base > 3e38f ? 3e38f : base), square = root * root;
    const float power = square * rsqrtf(root);
    return {power, power * square};
  } else {
    float power;
    if constexpr (P == Power::threeQuarters) {
      const float root = sqrtf(base);
      power = 1.f / (root * sqrtf(root));
    } else if constexpr (P == Power::half) {
      power = 1.f / sqrtf(base);
    } else if constexpr (P == Power::one) {
      power = 1.f / base;
    } else {
      power = powf(base, -c.beta);
    }
    return {power, power / base};
  }
}

// How warps are laid over a batch whose pixels have `groups` of N channels. A warp takes as many whole pixels as fit
// into it; where none does, a pixel's groups are shared among `warps`, which overlap by two groups: the lanes at the
// seam only help their neighbours.
struct WarpGrid {
  int64_t units, pixels;
  int channels, groups;
  int pixelsPerWarp, warps;  // one of them is 1

  int64_t blocks() const { return ceilDivide(units, kWarps); }
};

template <int N>
WarpGrid warpGrid(const View& view) {
  const int64_t groups = ceilDivide(view.shape.channels, N), pixels = view.count * view.shape.pixels();
  const int64_t together = std::max<int64_t>(kWarpSize / groups, 1);
  const int64_t warps = groups <= kWarpSize ? 1 : (groups - 2 + kWarpSize - 3) / (kWarpSize - 2);
  const int64_t units = ceilDivide(pixels, together) * warps;
  FACENET_ASSERT(view.shape.channels <= (1 << 24) && units < (int64_t{1} << 31));
  return {units,
          pixels,
          static_cast<int>(view.shape.channels),
          static_cast<int>(groups),
          static_cast<int>(together),
          static_cast<int>(warps)};
}

// A lane has N channels of a pixel, and the two channels on either side from its neighbours.
// powf wants more registers than the other powers. Registers: at most 80.
template <class X, class Y, int N, Power P>
__global__ void __launch_bounds__(kThreads, P == Power::any ? 3 : 4)
    lrnGradientKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, WarpGrid grid, LrnConstants c) {
  const int lane = laneOf();
  const auto unit = blockIdx.x * kWarps + threadIdx.x / kWarpSize;
  const auto itsWarp = static_cast<int>(unit % static_cast<unsigned>(grid.warps));
  const int slot = grid.warps > 1 ? 0 : lane / grid.groups;  // of its pixel among the warp's
  const int group = grid.warps > 1 ? itsWarp * (kWarpSize - 2) + lane : lane % grid.groups;
  const int64_t pixel = int64_t{unit / static_cast<unsigned>(grid.warps)} * grid.pixelsPerWarp + slot;
  const int channel = group * N;
  const bool has =
      slot < grid.pixelsPerWarp && group < grid.groups && pixel < grid.pixels && unit < grid.units;
  const int valid = has ? min(grid.channels - channel, N) : 0;
  const bool hasLeft = group > 0, hasRight = channel + N < grid.channels;
  const bool writes = has && (lane > 0 || !hasLeft) && (lane < kWarpSize - 1 || !hasRight);

  float in[N] = {}, gradient[N] = {};
  Pack<X, N> before{};
  if (has) {
    unpack(x.template load<N>(pixel, channel), in);
    unpack(dy.template load<N>(pixel, channel), gradient);
    if (writes) before = dx.template before<N>(pixel, channel);
  }
  // wide[kLrnReach + i] = one's own i; the neighbours' on either side, zero beyond the pixel.
  const auto exchange = [&](float(&wide)[N + 2 * kLrnReach]) {
#pragma unroll
    for (int i = 0; i < kLrnReach; ++i) {
      const float left = __shfl_up_sync(~0u, wide[N + i], 1);
      const float right = __shfl_down_sync(~0u, wide[kLrnReach + i], 1);
      wide[i] = hasLeft ? left : 0.f;
      wide[kLrnReach + N + i] = hasRight ? right : 0.f;
    }
  };
  const auto windowSum = [](const float(&wide)[N + 2 * kLrnReach], int i) {
    float sum = 0;
#pragma unroll
    for (int k = 0; k < kLrnSize; ++k) sum += wide[i + k];
    return sum;
  };

  float wide[N + 2 * kLrnReach], direct[N];
#pragma unroll
  for (int i = 0; i < N; ++i) wide[kLrnReach + i] = i < valid ? in[i] * in[i] : 0.f;
  exchange(wide);
  float terms[N + 2 * kLrnReach];
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const Powers powers = powersOf<P, (sizeof(X) == 2)>(fmaf(c.alpha, windowSum(wide, i), c.bias), c);
    direct[i] = gradient[i] * powers.beta;
    terms[kLrnReach + i] = i < valid ? gradient[i] * in[i] * powers.next : 0.f;
  }
  exchange(terms);
  if (!writes) return;
  const float factor = 2.f * c.alpha * c.beta;
#pragma unroll
  for (int i = 0; i < N; ++i) gradient[i] = fmaf(-factor * in[i], windowSum(terms, i), direct[i]);
  dx.put(gradient, before, valid, pixel, channel);
}

// Any window, and views that cannot be read by 16 bytes: one value per thread. It sums the squares again for each
// neighbour, from the caches.
// Registers: at most 64.
template <class X, class Y, Power P>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    lrnGradientValuesKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, PixelGrid grid, LrnConstants c,
                            int size) {
  const PixelThread<1, 1> thread(grid);
  if (!thread.has(0)) return;
  const int64_t pixel = thread.pixel(0);
  const auto valueAt = [&](const auto& pixels, int channel) {
    float number[1];
    unpack(pixels.template load<1>(pixel, channel), number);
    return number[0];
  };
  const int below = (size - 1) / 2, above = size / 2;
  float direct = 0, sum = 0;
  for (int other = max(thread.channel - above, 0); other <= min(thread.channel + below, grid.channels - 1);
       ++other) {
    float squares = 0;
    for (int i = max(other - below, 0); i <= min(other + above, grid.channels - 1); ++i) {
      const float value = valueAt(x, i);
      squares = fmaf(value, value, squares);
    }
    const Powers powers = powersOf<P, (sizeof(X) == 2)>(fmaf(c.alpha, squares, c.bias), c);
    const float gradient = valueAt(dy, other);
    if (other == thread.channel) direct = gradient * powers.beta;
    sum = fmaf(gradient * valueAt(x, other), powers.next, sum);
  }
  float result[1] = {fmaf(-2.f * c.alpha * c.beta * valueAt(x, thread.channel), sum, direct)};
  dx.put(result, dx.template before<1>(pixel, thread.channel), 1, pixel, thread.channel);
}

template <class X, class Y, Power P>
void launchOn(const Lrn& op, const View& x, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  const LrnConstants constants{op.alphaPerElement(), op.beta, op.bias};
  const GradientPixels<X> out(dx, accumulate);
  constexpr int kWide = kPackedChannels<X, Y>;
  if (op.size == kLrnSize && packs<X, kWide>(x) && packs<Y, kWide>(dy) && packs<X, kWide>(dx)) {
    const WarpGrid grid = warpGrid<kWide>(dx);
    launch<lrnGradientKernel<X, Y, kWide, P>>(static_cast<unsigned>(grid.blocks()), kThreads, 0, stream,
                                              Pixels<X>(x), Pixels<Y>(dy), out, grid, constants);
  } else {
    const PixelLaunch w = pixelLaunch<1, 1>(dx);
    launch<lrnGradientValuesKernel<X, Y, P>>(w.blocks, w.threads, 0, stream, Pixels<X>(x), Pixels<Y>(dy), out,
                                             w.grid, constants, static_cast<int>(op.size));
  }
}

}  // namespace

void backward(const Lrn& op, const View& x, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  FACENET_ASSERT(x.count == dy.count && x.shape == dy.shape && x.count == dx.count && x.shape == dx.shape);
  FACENET_ASSERT(x.dtype == dx.dtype && op.size >= 1 && op.size <= (1 << 24));
  if (dx.count * dx.shape.elements() == 0) return;
  withTrainedTypes(dx.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    withPower(op.beta,
              [&](auto power) { launchOn<X, Y, decltype(power)::value>(op, x, dy, dx, accumulate, stream); });
  });
}

}  // namespace facenet::cuda
