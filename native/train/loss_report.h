// What the loss of a batch gave. Of a loss without triplets: its terms, the loss times these, and the mean distances of
// BatchLoss.
#pragma once

#include <cstdint>

namespace facenet::train {

struct LossReport {
  int64_t triplets = 0, active = 0;
  double lossSum = 0;                         // of the hinges
  double meanPositive = 0, meanNegative = 0;  // squared distances of the triplets; 0 without any
  int64_t targets = 0;                        // rows that were compared with targets
  double targetLoss = 0;                      // ops/target_loss.h
};

}  // namespace facenet::train
