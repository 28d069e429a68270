// The inner loops of training for any machine with 4-wide vectors.
#include "native/backends/cpu/simd/includes.h"
#include "native/backends/cpu/training_isa.h"

#define FACENET_LANES 4
namespace facenet::train::cpu {
namespace {
#include "native/backends/cpu/simd/all_training.inc"
}  // namespace
const TrainIsa baseline = table();
}  // namespace facenet::train::cpu
