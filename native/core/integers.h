// Whole numbers that sizes and grids are made of.
#pragma once

#include <cstdint>
#include <limits>

#include "native/core/error.h"

namespace facenet {

// For a >= 0 and b > 0.
constexpr int64_t ceilDivide(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// The least multiple that is not below `value`.
constexpr int64_t roundUp(int64_t value, int64_t multiple) {
  return ceilDivide(value, multiple) * multiple;
}

// Kernels count in 32 bits.
inline int toInt(int64_t value) {
  FACENET_ASSERT(value >= 0 && value <= std::numeric_limits<int>::max());
  return static_cast<int>(value);
}

}  // namespace facenet
