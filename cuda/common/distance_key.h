// A distance and the row that it is to, as one number: searches keep the least key.
#pragma once

#include <bit>
#include <cstdint>

#include "native/core/integers.h"

namespace facenet::cuda {

// The bits of the distance, which order as the number does since it is not negative, before those of the row. The least
// key is the nearest row, of equal ones the first. kNoKey comes after every other.
using DistanceKey = unsigned long long;
constexpr DistanceKey kNoKey = ~0ull;

FACENET_HOST_DEVICE inline DistanceKey keyOf(float distance, int row) {
#if defined(__CUDA_ARCH__)
  const unsigned bits = __float_as_uint(distance);
#else
  const auto bits = std::bit_cast<uint32_t>(distance);
#endif
  return DistanceKey{bits} << 32 | static_cast<unsigned>(row);
}

FACENET_HOST_DEVICE inline float distanceOf(DistanceKey key) {
  const auto bits = static_cast<unsigned>(key >> 32);
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}

FACENET_HOST_DEVICE inline int32_t rowOf(DistanceKey key) {
  return static_cast<int32_t>(key & 0xffffffffu);
}

}  // namespace facenet::cuda
