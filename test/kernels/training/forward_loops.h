// Forward sums in fp32, term by term: what rounding costs a plain loop.
#pragma once

#include "case.h"

namespace facenet::train::test {

// Replaces the outputs among the results of convolutions and fully connected layers; other ops have short
// sums, whose outputs stay as they are.
void forwardInFloat(const Bench& bench, Results& results);

}  // namespace facenet::train::test
