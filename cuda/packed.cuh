// Values as they are stored, one or 16 bytes full, and as the fp32 numbers that kernels compute with. bf16 is
// the upper half of an fp32 (core/dtype.h).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/dtype.h"

namespace facenet::cuda {

struct alignas(16) Bf16x8 {
  uint4 pairs;
};

// How many numbers a stored value holds.
template <class Value>
constexpr int kNumbers = 1;
template <>
inline constexpr int kNumbers<float4> = 4;
template <>
inline constexpr int kNumbers<Bf16x8> = 8;

__device__ __forceinline__ float widen(uint32_t bits) {
  return __uint_as_float(bits << 16);
}
// To nearest, ties to even; a NaN stays a NaN.
__device__ __forceinline__ uint32_t narrow(float value) {
  const uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

// By value: a reference would be read in pieces.
__device__ __forceinline__ void unpack(float value, float (&numbers)[1]) {
  numbers[0] = value;
}
__device__ __forceinline__ void unpack(bf16 value, float (&numbers)[1]) {
  numbers[0] = widen(value.bits);
}
__device__ __forceinline__ void unpack(float4 value, float (&numbers)[4]) {
  numbers[0] = value.x, numbers[1] = value.y, numbers[2] = value.z, numbers[3] = value.w;
}
__device__ __forceinline__ void unpack(Bf16x8 value, float (&numbers)[8]) {
  const uint32_t pairs[4] = {value.pairs.x, value.pairs.y, value.pairs.z, value.pairs.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    numbers[2 * i] = widen(pairs[i] & 0xffffu);
    numbers[2 * i + 1] = widen(pairs[i] >> 16);
  }
}

__device__ __forceinline__ void pack(const float (&numbers)[1], float& value) {
  value = numbers[0];
}
__device__ __forceinline__ void pack(const float (&numbers)[1], bf16& value) {
  value.bits = static_cast<uint16_t>(narrow(numbers[0]));
}
__device__ __forceinline__ void pack(const float (&numbers)[4], float4& value) {
  value = make_float4(numbers[0], numbers[1], numbers[2], numbers[3]);
}
__device__ __forceinline__ void pack(const float (&numbers)[8], Bf16x8& value) {
  uint32_t pairs[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) pairs[i] = narrow(numbers[2 * i]) | narrow(numbers[2 * i + 1]) << 16;
  value.pairs = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
}

}  // namespace facenet::cuda
