// The inner loops for AVX2 and FMA.
#include "native/backends/cpu/simd/includes.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#define FACENET_LANES 8
namespace facenet::cpu {
namespace {
#include "native/backends/cpu/simd/all.inc"
}  // namespace
const Isa avx2 = table("avx2");
}  // namespace facenet::cpu
#endif
