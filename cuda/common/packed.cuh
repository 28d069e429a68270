// Values as they are stored, one or 16 bytes full, and as the fp32 numbers that kernels compute with.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

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

// How many numbers a stored value holds.
template <class Value>
constexpr int kNumbers = 1;
template <>
inline constexpr int kNumbers<float4> = 4;
template <>
inline constexpr int kNumbers<Bf16x8> = 8;
template <>
inline constexpr int kNumbers<F16x8> = 8;
template <>
inline constexpr int kNumbers<Bf16x4> = 4;
template <>
inline constexpr int kNumbers<F16x4> = 4;

// What stores single numbers of a type (`Number`), 16 bytes of them (`Packed`), and how many these are.
template <class Number>
struct Storage;
template <>
struct Storage<float> {
  using Packed = float4;
  static constexpr DType dtype = DType::f32;
  static constexpr int kNumbers = 4;
};
template <>
struct Storage<bf16> {
  using Packed = Bf16x8;
  using Element = ptx::Bf16;
  static constexpr DType dtype = DType::bf16;
  static constexpr int kNumbers = 8;
};
template <>
struct Storage<f16> {
  using Packed = F16x8;
  using Element = ptx::F16;
  static constexpr DType dtype = DType::f16;
  static constexpr int kNumbers = 8;
};

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

}  // namespace facenet::cuda
