// The inner loops for AVX-512.
#include "native/backends/cpu/simd/includes.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")
#endif
#define FACENET_LANES 16
namespace facenet::cpu {
namespace {
#include "native/backends/cpu/simd/all.inc"
}  // namespace
#if defined(__clang__)
#pragma clang attribute pop
#endif
const Isa avx512 = table("avx512");
}  // namespace facenet::cpu
#endif
