#include "cuda/common/gradient.cuh"
#include "cuda/lrn_gradient.cuh"
#include "cuda/lrn_power.cuh"

namespace facenet::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kThreads = 256, kWarps = kThreads / kWarp;

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

// How warps go over a batch whose pixels have `groups` of N channels. Where a warp has room for whole pixels
// it takes as many as fit; else a pixel's groups are shared among `warps`, which overlap by two groups: the
// lanes at the seam only help their neighbours.
struct WarpWalk {
  int64_t units, pixels;
  int channels, groups;
  int pixelsAWarp, warps;  // one of them is 1

  int64_t blocks() const { return (units + kWarps - 1) / kWarps; }
};

template <int N>
WarpWalk warpsOver(const View& view) {
  const int64_t groups = (view.shape.channels + N - 1) / N, pixels = view.count * view.shape.pixels();
  const int64_t together = std::max<int64_t>(kWarp / groups, 1);
  const int64_t warps = groups <= kWarp ? 1 : (groups - 2 + kWarp - 3) / (kWarp - 2);
  const int64_t units = (pixels + together - 1) / together * warps;
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
    lrnGradientKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, WarpWalk walk, LrnConstants c) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const auto unit = blockIdx.x * kWarps + threadIdx.x / kWarp;
  const auto itsWarp = static_cast<int>(unit % static_cast<unsigned>(walk.warps));
  const int place = walk.warps > 1 ? 0 : lane / walk.groups;  // of its pixel among the warp's
  const int group = walk.warps > 1 ? itsWarp * (kWarp - 2) + lane : lane % walk.groups;
  const int64_t pixel = int64_t{unit / static_cast<unsigned>(walk.warps)} * walk.pixelsAWarp + place;
  const int channel = group * N;
  const bool has =
      place < walk.pixelsAWarp && group < walk.groups && pixel < walk.pixels && unit < walk.units;
  const int valid = has ? min(walk.channels - channel, N) : 0;
  const bool hasLeft = group > 0, hasRight = channel + N < walk.channels;
  const bool writes = has && (lane > 0 || !hasLeft) && (lane < kWarp - 1 || !hasRight);

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
    const Powers powers = powersOf<P, sizeof(X) == 2>(fmaf(c.alpha, windowSum(wide, i), c.bias), c);
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

// Any window, and views that cannot be read by 16 bytes: a value a thread. It sums the squares again for each
// neighbour, from the caches.
// Registers: at most 64.
template <class X, class Y, Power P>
__global__ void __launch_bounds__(kWalkThreads, kWalkBlocksAnSm)
    lrnGradientValuesKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, Walk walk, LrnConstants c,
                            int size) {
  const Walker<1, 1> walker(walk);
  if (!walker.has(0)) return;
  const int64_t pixel = walker.pixel(0);
  const auto valueAt = [&](const auto& pixels, int channel) {
    float number[1];
    unpack(pixels.template load<1>(pixel, channel), number);
    return number[0];
  };
  const int below = (size - 1) / 2, above = size / 2;
  float direct = 0, sum = 0;
  for (int other = max(walker.channel - above, 0); other <= min(walker.channel + below, walk.channels - 1);
       ++other) {
    float squares = 0;
    for (int i = max(other - below, 0); i <= min(other + above, walk.channels - 1); ++i) {
      const float value = valueAt(x, i);
      squares = fmaf(value, value, squares);
    }
    const Powers powers = powersOf<P, sizeof(X) == 2>(fmaf(c.alpha, squares, c.bias), c);
    const float gradient = valueAt(dy, other);
    if (other == walker.channel) direct = gradient * powers.beta;
    sum = fmaf(gradient * valueAt(x, other), powers.next, sum);
  }
  float result[1] = {fmaf(-2.f * c.alpha * c.beta * valueAt(x, walker.channel), sum, direct)};
  dx.put(result, dx.template before<1>(pixel, walker.channel), 1, pixel, walker.channel);
}

template <class X, class Y, Power P>
void launchOn(const Lrn& op, const View& x, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  const LrnConstants constants{op.alphaPerElement(), op.beta, op.bias};
  const GradientPixels<X> out(dx, accumulate);
  constexpr int kWide = kPackedChannels<X, Y>;
  if (op.size == kLrnSize && packs<X, kWide>(x) && packs<Y, kWide>(dy) && packs<X, kWide>(dx)) {
    const WarpWalk walk = warpsOver<kWide>(dx);
    launch<lrnGradientKernel<X, Y, kWide, P>>(static_cast<unsigned>(walk.blocks()), kThreads, 0, stream,
                                              Pixels<X>(x), Pixels<Y>(dy), out, walk, constants);
  } else {
    const WalkLaunch w = walkOver<1, 1>(dx);
    launch<lrnGradientValuesKernel<X, Y, P>>(w.grid, w.threads, 0, stream, Pixels<X>(x), Pixels<Y>(dy), out,
                                             w.walk, constants, static_cast<int>(op.size));
  }
}

}  // namespace

void lrnGradient(const Lrn& op, const View& x, const View& dy, const View& dx, bool accumulate,
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
