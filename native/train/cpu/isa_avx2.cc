// The inner loops of training for AVX2 and FMA.
#include "cpu/simd/includes.h"
#include "train/cpu/isa.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#define FACENET_LANES 8
namespace facenet::train::cpu {
namespace {
#include "train/cpu/simd/all.inc"
}  // namespace
const TrainIsa avx2 = table();
}  // namespace facenet::train::cpu
#endif
