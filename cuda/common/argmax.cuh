// Where maxima lie in their windows, row * kernelWidth + column: a byte per output value, pixels padded to 8.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/common/channel_padding.h"
#include "native/core/integers.h"

namespace facenet::cuda {

constexpr int64_t argmaxStride(int64_t channels) {
  return roundUp(channels, kChannelPadding);
}

// N bytes that lie together.
template <int N>
struct Argmax;
template <>
struct Argmax<1> {
  uint8_t byte;
  __device__ __forceinline__ int at(int) const { return byte; }
  __device__ __forceinline__ void set(const int (&argmax)[1]) { byte = static_cast<uint8_t>(argmax[0]); }
};
template <>
struct Argmax<4> {
  uint32_t bytes;
  __device__ __forceinline__ int at(int i) const { return static_cast<int>(bytes >> (8 * i) & 255u); }
  __device__ __forceinline__ void set(const int (&argmax)[4]) {
    bytes = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) bytes |= static_cast<uint32_t>(argmax[i]) << (8 * i);
  }
};
template <>
struct alignas(8) Argmax<8> {
  uint2 bytes;
  __device__ __forceinline__ int at(int i) const {
    return static_cast<int>((i < 4 ? bytes.x : bytes.y) >> (8 * (i % 4)) & 255u);
  }
  __device__ __forceinline__ void set(const int (&argmax)[8]) {
    bytes = uint2{0, 0};
#pragma unroll
    for (int i = 0; i < 8; ++i)
      (i < 4 ? bytes.x : bytes.y) |= static_cast<uint32_t>(argmax[i]) << (8 * (i % 4));
  }
};

}  // namespace facenet::cuda
