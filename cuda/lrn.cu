#include "cuda/common/pixel_grid.cuh"
#include "cuda/lrn_power.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

constexpr int kSize = kLrnSize, kReach = kLrnReach;

// x / (bias + alpha * squares)^beta
template <Power P, bool Rough>
__device__ __forceinline__ float normalized(float x, float squares, const LrnConstants& c) {
  const float base = fmaf(c.alpha, squares, c.bias);
  if constexpr (P == Power::one) {
    return x / base;
  } else if constexpr (P == Power::half) {
    return x / sqrtf(base);
  } else if constexpr (P == Power::any) {
    return x / powf(base, c.beta);
  } else if constexpr (Rough) {
    // Within 6 ulp of fp32, a small part of the rounding to 16 bits that follows. An infinite base would give
    // 0 * infinity.
    const float root = rsqrtf(base > 3e38f ? 3e38f : base);
    return x * (root * (root * rsqrtf(root)));
  } else {
    const float root = sqrtf(base);
    return x / (root * sqrtf(root));
  }
}

// Two neighbouring numbers, loaded at once.
template <class T>
__device__ __forceinline__ void loadPair(const T* from, float& first, float& second) {
  if constexpr (sizeof(T) == 4) {
    const float2 pair = *reinterpret_cast<const float2*>(from);
    first = pair.x, second = pair.y;
  } else {
    const uint32_t pair = *reinterpret_cast<const uint32_t*>(from);
    first = ptx::lowerOf(Element<T>{}, pair);
    second = ptx::upperOf(Element<T>{}, pair);
  }
}

// Neighbours' squares come from the neighbouring lanes, and from memory at the edges of a warp.
// powf wants more registers than the other powers. Registers: at most 80.
template <class In, class Out, int N, Power P>
__global__ void __launch_bounds__(kPixelThreads, P == Power::any ? 3 : kPixelBlocksPerSm)
    lrnKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, PixelGrid grid, LrnConstants constants) {
  const PixelThread<N> thread(grid);
  const int lane = laneOf();
  const int group = static_cast<int>(threadIdx.x) % grid.groups;
  const bool hasLeft = thread.channel > 0, hasRight = thread.channel + N < grid.channels;
  const bool laneLeft = lane > 0 && group > 0, laneRight = lane < kWarpSize - 1 && group + 1 < grid.groups;

  Pack<In, N> packs[kPixelSteps];
  float left[kPixelSteps][kReach] = {}, right[kPixelSteps][kReach] = {};
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    packs[step] = {};
    if (!thread.has(step)) continue;
    const In* from = x + thread.pixel(step) * xStride + thread.channel;
    packs[step] = loadPack<N>(from);
    if (hasLeft && !laneLeft) loadPair(from - kReach, left[step][0], left[step][1]);
    if (hasRight && !laneRight) loadPair(from + N, right[step][0], right[step][1]);
  }
#pragma unroll
  for (int step = 0; step < kPixelSteps; ++step) {
    float numbers[N], squares[N + 2 * kReach];
    unpack(packs[step], numbers);
#pragma unroll
    for (int i = 0; i < N; ++i) squares[kReach + i] = i < thread.valid ? numbers[i] * numbers[i] : 0.f;
#pragma unroll
    for (int i = 0; i < kReach; ++i) {
      const float before = __shfl_up_sync(~0u, squares[N + i], 1);
      const float after = __shfl_down_sync(~0u, squares[kReach + i], 1);
      const bool beyond = thread.channel + N + i >= grid.channels;
      squares[i] = !hasLeft ? 0.f : laneLeft ? before : left[step][i] * left[step][i];
      squares[kReach + N + i] = beyond ? 0.f : laneRight ? after : right[step][i] * right[step][i];
    }
#pragma unroll
    for (int i = 0; i < N; ++i) {
      float sum = 0;
#pragma unroll
      for (int k = 0; k < kSize; ++k) sum += squares[i + k];
      numbers[i] = normalized<P, (sizeof(Out) == 2)>(numbers[i], sum, constants);
    }
    if (thread.has(step))
      storeNumbers(numbers, thread.valid, y + thread.pixel(step) * yStride + thread.channel);
  }
}

// Any window, and views that cannot be read by 16 bytes: one value per thread, its neighbours from the caches.
// Registers: at most 48.
template <class In, class Out, Power P>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    lrnValuesKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, PixelGrid grid,
                    LrnConstants constants, int size) {
  const PixelThread<1> thread(grid);
  const int first = max(thread.channel - (size - 1) / 2, 0);
  const int last = min(thread.channel + size / 2, grid.channels - 1);
  for (int step = 0; step < kPixelSteps; ++step) {
    if (!thread.has(step)) break;
    const In* pixel = x + thread.pixel(step) * xStride;
    float number[1], sum = 0;
    for (int c = first; c <= last; ++c) {
      unpack(pixel[c], number);
      sum = fmaf(number[0], number[0], sum);
    }
    unpack(pixel[thread.channel], number);
    number[0] = normalized<P, (sizeof(Out) == 2)>(number[0], sum, constants);
    storeNumbers(number, 1, y + thread.pixel(step) * yStride + thread.channel);
  }
}

template <Power P>
void lrnOf(const Lrn& op, const View& x, const View& y, cudaStream_t stream) {
  const LrnConstants constants{op.alphaPerElement(), op.beta, op.bias};
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    const auto* from = x.as<const In>();
    auto* to = y.as<Out>();
    if (op.size == kSize && packs<In, kWide>(x) && packs<Out, kWide>(y)) {
      const PixelLaunch w = pixelLaunch<kWide>(y);
      launch<lrnKernel<In, Out, kWide, P>>(w.blocks, w.threads, 0, stream, from, x.pixelStride, to,
                                           y.pixelStride, w.grid, constants);
    } else {
      const PixelLaunch w = pixelLaunch<1>(y);
      launch<lrnValuesKernel<In, Out, P>>(w.blocks, w.threads, 0, stream, from, x.pixelStride, to,
                                          y.pixelStride, w.grid, constants, static_cast<int>(op.size));
    }
  });
}

}  // namespace

void forward(const Lrn& op, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape && op.size >= 1 && op.size <= (1 << 24));
  if (y.count * y.shape.elements() == 0) return;
  withPower(op.beta, [&](auto power) { lrnOf<decltype(power)::value>(op, x, y, stream); });
}

std::string describe(const Lrn& op) {
  return op.size == kSize ? "window of 5 across lanes" : "a value a thread";
}

}  // namespace facenet::cuda
