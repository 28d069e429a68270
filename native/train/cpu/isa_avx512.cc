// The inner loops of training for AVX-512.
#include "cpu/simd/includes.h"
#include "train/cpu/isa.h"

#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")
#define FACENET_LANES 16
namespace facenet::train::cpu {
namespace {
#include "train/cpu/simd/all.inc"
}  // namespace
const TrainIsa avx512 = table();
}  // namespace facenet::train::cpu
#endif
