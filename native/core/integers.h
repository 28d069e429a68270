// Whole numbers that sizes and grids are made of.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "native/core/error.h"

// Functions that kernels call too.
#if defined(__CUDACC__)
#define FACENET_HOST_DEVICE __host__ __device__
#else
#define FACENET_HOST_DEVICE
#endif

namespace facenet {

// The quotient rounded up, for a >= 0 and b > 0, in the wider of their types: a + b must fit it.
template <class A, class B>
FACENET_HOST_DEVICE constexpr std::common_type_t<A, B> ceilDivide(A a, B b) {
  return (a + b - 1) / b;
}

// The least multiple that is not below `value`.
template <class A, class B>
FACENET_HOST_DEVICE constexpr std::common_type_t<A, B> roundUp(A value, B multiple) {
  return ceilDivide(value, multiple) * multiple;
}

// Kernels count in 32 bits.
inline int toInt(int64_t value) {
  FACENET_ASSERT(value >= 0 && value <= std::numeric_limits<int>::max());
  return static_cast<int>(value);
}

}  // namespace facenet
