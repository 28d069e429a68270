// The inner loops of training for any machine with 4-wide vectors.
#include "cpu/simd/includes.h"
#include "train/cpu/isa.h"

#define FACENET_LANES 4
namespace facenet::train::cpu {
namespace {
#include "train/cpu/simd/all.inc"
}  // namespace
const TrainIsa baseline = table();
}  // namespace facenet::train::cpu
