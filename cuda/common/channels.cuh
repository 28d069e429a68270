// How kernels that treat every pixel alike walk over Views. A thread has N neighbouring channels, 16 bytes of
// them where memory allows it, and a few pixels; what belongs to the channels is read once for all of these.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "cuda/common/channel_padding.h"
#include "cuda/common/device.cuh"
#include "cuda/common/packed.cuh"
#include "native/core/shape.h"

namespace facenet::cuda {

// The stored value that holds N numbers of type T.
template <class T, int N>
struct PackOf;
template <class T>
struct PackOf<T, 1> {
  using Type = T;
};
template <>
struct PackOf<float, 2> {
  using Type = float2;
};
template <>
struct PackOf<float, 4> {
  using Type = float4;
};
template <>
struct PackOf<bf16, 4> {
  using Type = Bf16x4;
};
template <>
struct PackOf<bf16, 8> {
  using Type = Bf16x8;
};
template <>
struct PackOf<f16, 4> {
  using Type = F16x4;
};
template <>
struct PackOf<f16, 8> {
  using Type = F16x8;
};
template <class T, int N>
using Pack = typename PackOf<T, N>::Type;

template <int N, class T>
__device__ __forceinline__ Pack<T, N> loadPack(const T* from) {
  return *reinterpret_cast<const Pack<T, N>*>(from);
}

// Stores the first `valid` numbers and leaves alone what lies behind them.
template <class T, int N>
__device__ __forceinline__ void storeNumbers(const float (&numbers)[N], int valid, T* to) {
  if (valid >= N) {
    Pack<T, N> packed;
    pack(numbers, packed);
    *reinterpret_cast<Pack<T, N>*>(to) = packed;
    return;
  }
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const float number[1] = {numbers[i]};
    if (i < valid) pack(number, to[i]);
  }
}

// N of a layer's values, one a channel, from an array that is padded to kChannelPadding.
template <int N>
__device__ __forceinline__ void loadOfChannels(const float* values, float (&numbers)[N]) {
  constexpr int kStep = N < 4 ? N : 4;
#pragma unroll
  for (int i = 0; i < N; i += kStep) {
    float some[kStep];
    unpack(loadPack<kStep>(values + i), some);
#pragma unroll
    for (int k = 0; k < kStep; ++k) numbers[i + k] = some[k];
  }
}

constexpr int kWalkThreads = 256;
constexpr int kWalkSteps = 4;       // pixels of a thread: so many loads are under way at once
constexpr int kWalkBlocksAnSm = 4;  // leaves 64 registers a thread

struct Walk {
  int64_t pixels;
  int channels;
  int groups;       // of N channels that a block has
  int pixelsAStep;  // that a block has at once
};

// Where a thread stands in a walk.
template <int N, int Steps = kWalkSteps>
struct Walker {
  int channel, valid;     // its first channel, and how many of N there are; 0: it has nothing to do
  int64_t first, stride;  // its pixels are first + step * stride
  int64_t end;

  __device__ __forceinline__ explicit Walker(const Walk& walk) {
    const int group = static_cast<int>(threadIdx.x) % walk.groups;
    const int row = static_cast<int>(threadIdx.x) / walk.groups;
    channel = (static_cast<int>(blockIdx.y) * walk.groups + group) * N;
    valid = row < walk.pixelsAStep ? max(min(walk.channels - channel, N), 0) : 0;
    first = int64_t{blockIdx.x} * walk.pixelsAStep * Steps + row;
    stride = walk.pixelsAStep;
    end = valid > 0 ? walk.pixels : 0;
  }
  __device__ __forceinline__ int64_t pixel(int step) const { return first + step * stride; }
  __device__ __forceinline__ bool has(int step) const { return pixel(step) < end; }
};

// A walk over the pixels of `view`, N channels a thread: launch<kernel>(w.grid, w.threads, ..., w.walk).
struct WalkLaunch {
  Walk walk;
  dim3 grid;
  unsigned threads;
};
template <int N, int Steps = kWalkSteps>
WalkLaunch walkOver(const View& view) {
  const int64_t all = (view.shape.channels + N - 1) / N, groups = std::min<int64_t>(all, kWalkThreads);
  const int64_t slabs = (all + groups - 1) / groups;
  const int64_t rows = kWalkThreads / groups, pixels = view.count * view.shape.pixels();
  const int64_t blocks = (pixels + rows * Steps - 1) / (rows * Steps);
  FACENET_ASSERT(view.shape.channels <= (1 << 24) && slabs <= 65535 && blocks < (int64_t{1} << 31));
  return {{pixels, static_cast<int>(view.shape.channels), static_cast<int>(groups), static_cast<int>(rows)},
          dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(slabs)),
          static_cast<unsigned>((groups * rows + 31) / 32 * 32)};
}

// Whether every pixel of a view can be read N numbers at a time.
template <class T, int N>
bool packs(const View& view) {
  return view.pixelStride % N == 0 && reinterpret_cast<uintptr_t>(view.data) % (N * sizeof(T)) == 0;
}

// Numbers a thread has at once: 16 bytes of the widest of the types it moves.
template <class... T>
constexpr int kPackedChannels = ((sizeof(T) == 2) && ...) ? 8 : 4;

// Whether types meet in a plan: its activations have one type, what the caller holds is fp32.
template <class... T>
constexpr bool kMeet = !((std::is_same_v<T, bf16> || ...) && (std::is_same_v<T, f16> || ...));

template <class T>
struct TypeOf {
  using Type = T;
};
template <class Body>
void withType(DType dtype, Body body) {
  FACENET_ASSERT(dtype != DType::u8);
  if (dtype == DType::f32) return body(TypeOf<float>());
  if (dtype == DType::bf16) return body(TypeOf<bf16>());
  body(TypeOf<f16>());
}

// body(TypeOf<In>(), TypeOf<Out>())
template <class Body>
void withTypes(DType in, DType out, Body body) {
  withType(in, [&]<class In>(TypeOf<In>) {
    withType(out, [&]<class Out>(TypeOf<Out>) {
      if constexpr (kMeet<In, Out>)
        body(TypeOf<In>(), TypeOf<Out>());
      else
        FACENET_ASSERT(in == out);
    });
  });
}

// run(N as a constant): the packed width where every view allows it, or one number at a time.
template <int N>
using Width = std::integral_constant<int, N>;
template <int Wide, class Run>
void withWidth(bool packed, Run run) {
  packed ? run(Width<Wide>()) : run(Width<1>());
}

}  // namespace facenet::cuda
