// The inner loops for AVX2 and FMA.
#include "native/backends/cpu/simd/includes.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define FACENET_LANES 8
namespace facenet::cpu {
namespace {
#include "native/backends/cpu/simd/all.inc"
}  // namespace
#if defined(__clang__)
#pragma clang attribute pop
#endif
const Isa avx2 = table("avx2");
}  // namespace facenet::cpu
#endif
