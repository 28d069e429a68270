// What sums on tensor cores may miss beyond the error of a plain fp32 loop.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "emulator/emulator.h"

namespace emulator::tests {

// Devices cut sums off where fp32 arithmetic rounds them (emulator/tensor_core.h): each k-step of 16 products can lose one unit
// in the last place of the largest partial sum, for which the largest result stands. Results of 16 bits are rounded far
// more coarsely. Nothing where the emulator rounds to nearest.
inline double cutOff(int64_t terms, const std::vector<double>& results) {
  if (options().tensorCores == TensorCores::nearest || results.empty()) return 0;
  double largest = 0;
  for (const double result : results) largest = std::max(largest, std::abs(result));
  const double unit = std::ldexp(1.0, std::ilogb(std::max(largest, 1e-30)) - 23);
  return static_cast<double>((terms + 15) / 16) * unit;
}

}  // namespace emulator::tests
