// What the tests know of the emulator, on a GPU: nothing is counted, and threads run in the order that the
// hardware gives them.
#pragma once

#include <cstdint>

#include "test/emulator/tensor_core.h"

namespace emulator {

enum class Order { forward, reverse, shuffled };

struct Options {
  Order order = Order::forward;
  TensorCores tensorCores = TensorCores::hopper;  // results may miss what devices cut off
  int failedAllocations = 0;                      // nothing fails where it is told to
};
Options& options();

struct Counters {
  int64_t globalBytesRead = 0, globalBytesWritten = 0, mma = 0, multiplyAdds = 0;
  int64_t sharedPhases = 0, sharedPhasesIdeal = 0, globalSectors = 0, globalSectorsIdeal = 0;
};

}  // namespace emulator
