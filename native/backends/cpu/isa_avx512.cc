// The inner loops for AVX-512.
#include "native/backends/cpu/simd/includes.h"

#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")
#define FACENET_LANES 16
namespace facenet::cpu {
namespace {
#include "native/backends/cpu/simd/all.inc"
}  // namespace
const Isa avx512 = table("avx512");
}  // namespace facenet::cpu
#endif
