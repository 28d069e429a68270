// What the triplets of a batch gave.
#pragma once

#include <cstdint>

namespace facenet::train {

struct LossReport {
  int64_t triplets = 0, active = 0;
  double lossSum = 0;                         // of the hinges
  double meanPositive = 0, meanNegative = 0;  // squared distances of the triplets; 0 without any
};

}  // namespace facenet::train
