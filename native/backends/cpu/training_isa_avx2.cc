// The inner loops of training for AVX2 and FMA.
#include "native/backends/cpu/simd/includes.h"
#include "native/backends/cpu/training_isa.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#define FACENET_LANES 8
namespace facenet::train::cpu {
namespace {
#include "native/backends/cpu/simd/all_training.inc"
}  // namespace
const TrainIsa avx2 = table();
}  // namespace facenet::train::cpu
#endif
