// The inner loops for NEON, which every 64-bit Arm processor has.
#include "native/backends/cpu/simd/includes.h"

#if defined(__aarch64__)
#define FACENET_LANES 4
#define FACENET_NEON
namespace facenet::cpu {
namespace {
#include "native/backends/cpu/simd/all.inc"
}  // namespace
const Isa neon = table("neon");
}  // namespace facenet::cpu
#endif
