// The inner loops for any machine with 4-wide vectors, without fused multiplication and addition.
#include "native/backends/cpu/simd/includes.h"

#define FACENET_LANES 4
namespace facenet::cpu {
namespace {
#include "native/backends/cpu/simd/all.inc"
}  // namespace
const Isa baseline = table("baseline");
}  // namespace facenet::cpu
