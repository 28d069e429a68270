// Vectors of 16 bytes: packs of numbers as they are stored, loaded and stored in one access, and the fp32 numbers that
// kernels compute with.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/common/channel_padding.h"
#include "cuda/ptx.cuh"
#include "native/core/dtype.h"

namespace facenet::cuda {

struct alignas(16) Bf16x8 {
  uint4 pairs;
};
struct alignas(16) F16x8 {
  uint4 pairs;
};
// As many as a float4 holds, for what converts between fp32 and a 16-bit type.
struct alignas(8) Bf16x4 {
  uint2 pairs;
};
struct alignas(8) F16x4 {
  uint2 pairs;
};

// What ptx.cuh calls the 16-bit type of a register's two numbers.
template <class T>
struct ElementOf;
template <>
struct ElementOf<bf16> {
  using Type = ptx::Bf16;
};
template <>
struct ElementOf<f16> {
  using Type = ptx::F16;
};
template <class T>
using Element = typename ElementOf<T>::Type;

// The values are taken by value: a reference would be read in pieces.
__device__ __forceinline__ void unpack(float value, float (&numbers)[1]) {
  numbers[0] = value;
}
__device__ __forceinline__ void unpack(bf16 value, float (&numbers)[1]) {
  numbers[0] = ptx::lowerOf(ptx::Bf16{}, value.bits);
}
__device__ __forceinline__ void unpack(f16 value, float (&numbers)[1]) {
  numbers[0] = ptx::lowerOf(ptx::F16{}, value.bits);
}
__device__ __forceinline__ void unpack(float2 value, float (&numbers)[2]) {
  numbers[0] = value.x, numbers[1] = value.y;
}
__device__ __forceinline__ void unpack(float4 value, float (&numbers)[4]) {
  numbers[0] = value.x, numbers[1] = value.y, numbers[2] = value.z, numbers[3] = value.w;
}
template <class Element>
__device__ __forceinline__ void unpackPairs(Element element, uint4 pairs, float (&numbers)[8]) {
  const uint32_t each[4] = {pairs.x, pairs.y, pairs.z, pairs.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    numbers[2 * i] = ptx::lowerOf(element, each[i]);
    numbers[2 * i + 1] = ptx::upperOf(element, each[i]);
  }
}
__device__ __forceinline__ void unpack(Bf16x8 value, float (&numbers)[8]) {
  unpackPairs(ptx::Bf16{}, value.pairs, numbers);
}
__device__ __forceinline__ void unpack(F16x8 value, float (&numbers)[8]) {
  unpackPairs(ptx::F16{}, value.pairs, numbers);
}
template <class Element>
__device__ __forceinline__ void unpackPairs(Element element, uint2 pairs, float (&numbers)[4]) {
  numbers[0] = ptx::lowerOf(element, pairs.x), numbers[1] = ptx::upperOf(element, pairs.x);
  numbers[2] = ptx::lowerOf(element, pairs.y), numbers[3] = ptx::upperOf(element, pairs.y);
}
__device__ __forceinline__ void unpack(Bf16x4 value, float (&numbers)[4]) {
  unpackPairs(ptx::Bf16{}, value.pairs, numbers);
}
__device__ __forceinline__ void unpack(F16x4 value, float (&numbers)[4]) {
  unpackPairs(ptx::F16{}, value.pairs, numbers);
}

// Rounded to nearest, ties to even; a NaN stays a NaN.
__device__ __forceinline__ void pack(const float (&numbers)[1], float& value) {
  value = numbers[0];
}
__device__ __forceinline__ void pack(const float (&numbers)[1], bf16& value) {
  value.bits = static_cast<uint16_t>(ptx::pairOf(ptx::Bf16{}, numbers[0], 0.f));
}
__device__ __forceinline__ void pack(const float (&numbers)[1], f16& value) {
  value.bits = static_cast<uint16_t>(ptx::pairOf(ptx::F16{}, numbers[0], 0.f));
}
__device__ __forceinline__ void pack(const float (&numbers)[2], float2& value) {
  value = make_float2(numbers[0], numbers[1]);
}
__device__ __forceinline__ void pack(const float (&numbers)[4], float4& value) {
  value = make_float4(numbers[0], numbers[1], numbers[2], numbers[3]);
}
template <class Element>
__device__ __forceinline__ uint4 packPairs(Element element, const float (&numbers)[8]) {
  return make_uint4(
      ptx::pairOf(element, numbers[0], numbers[1]), ptx::pairOf(element, numbers[2], numbers[3]),
      ptx::pairOf(element, numbers[4], numbers[5]), ptx::pairOf(element, numbers[6], numbers[7]));
}
__device__ __forceinline__ void pack(const float (&numbers)[8], Bf16x8& value) {
  value.pairs = packPairs(ptx::Bf16{}, numbers);
}
__device__ __forceinline__ void pack(const float (&numbers)[8], F16x8& value) {
  value.pairs = packPairs(ptx::F16{}, numbers);
}
template <class Element>
__device__ __forceinline__ uint2 packPairs(Element element, const float (&numbers)[4]) {
  return uint2{ptx::pairOf(element, numbers[0], numbers[1]), ptx::pairOf(element, numbers[2], numbers[3])};
}
__device__ __forceinline__ void pack(const float (&numbers)[4], Bf16x4& value) {
  value.pairs = packPairs(ptx::Bf16{}, numbers);
}
__device__ __forceinline__ void pack(const float (&numbers)[4], F16x4& value) {
  value.pairs = packPairs(ptx::F16{}, numbers);
}

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

// N of a layer's values, one per channel, from an array that is padded to kChannelPadding.
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

// Numbers of type T in 16 bytes, a chunk: the unit of asynchronous copies and of ldmatrix.
template <class T>
constexpr int kChunkNumbers = 16 / static_cast<int>(sizeof(T));

}  // namespace facenet::cuda
