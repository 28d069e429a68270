// The inner loops of training for AVX-512.
#include "native/backends/cpu/simd/includes.h"
#include "native/backends/cpu/training_isa.h"

#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")
#define FACENET_LANES 16
namespace facenet::train::cpu {
namespace {
#include "native/backends/cpu/simd/all_training.inc"
}  // namespace
const TrainIsa avx512 = table();
}  // namespace facenet::train::cpu
#endif
