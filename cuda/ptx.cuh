// The only inline PTX: asynchronous copies, matrix loads, matrix multiplies and conversions of sm_80. Fragment layouts
// are those of the PTX manual ("Warp-level matrix instructions"); g = lane / 4, t = lane % 4. The emulator has bodies
// of its own.
#pragma once

#include <cuda_runtime.h>

#include <cassert>
#include <cstdint>

#if defined(FACENET_EMULATOR)
#include "emulator/ptx.h"
#else

namespace facenet::cuda::ptx {

// Element types of a matrix multiply.
struct Bf16 {};
struct F16 {};

__device__ __forceinline__ uint32_t sharedAddress(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

// cp.async of Bytes (4, 8 or 16) from global to shared memory, both aligned to Bytes; zeros where not
// `valid`, and then `from` is not read. 16 bytes bypass L1.
template <int Bytes>
__device__ __forceinline__ void copyAsync(void* to, const void* from, bool valid = true) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  const int read = valid ? Bytes : 0;
  if constexpr (Bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)), "l"(from),
                 "r"(read)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(sharedAddress(to)), "l"(from),
                 "n"(Bytes), "r"(read)
                 : "memory");
}

// cp.async of 16 bytes of which the first `bytes` (0 to 16) come from `from` and the others are zero. What lies
// beyond `bytes` is not read, yet `from` is aligned to 16.
__device__ __forceinline__ void copyAsyncPartly(void* to, const void* from, int bytes) {
  // The machine code keeps `bytes` in the lowest bits of the address: an address that is not aligned copies other bytes in
  // silence. Debug builds say so.
  assert(reinterpret_cast<uintptr_t>(from) % 16 == 0);
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)), "l"(from), "r"(bytes)
               : "memory");
}

// Puts the copies this thread has issued since the last commit into a group.
__device__ __forceinline__ void copyAsyncCommit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits until at most Pending of this thread's latest groups are under way. Others see the copies after a
// barrier.
template <int Pending>
__device__ __forceinline__ void copyAsyncWait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

// ldmatrix: 1, 2 or 4 matrices of 8 x 8 two-byte elements. Lane 8 i + r gives the address of row r of matrix
// i, 16 bytes aligned to 16. Register i gets elements (row g, columns 2 t and 2 t + 1) of matrix i.
__device__ __forceinline__ void loadMatrix(uint32_t (&d)[1], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
               : "=r"(d[0])
               : "r"(sharedAddress(row))
               : "memory");
}
__device__ __forceinline__ void loadMatrix(uint32_t (&d)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(d[0]), "=r"(d[1])
               : "r"(sharedAddress(row))
               : "memory");
}
__device__ __forceinline__ void loadMatrix(uint32_t (&d)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(sharedAddress(row))
               : "memory");
}

// The same of the transposed matrices: register i gets elements (rows 2 t and 2 t + 1, column g).
__device__ __forceinline__ void loadMatrixTransposed(uint32_t (&d)[1], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
               : "=r"(d[0])
               : "r"(sharedAddress(row))
               : "memory");
}
__device__ __forceinline__ void loadMatrixTransposed(uint32_t (&d)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(d[0]), "=r"(d[1])
               : "r"(sharedAddress(row))
               : "memory");
}
__device__ __forceinline__ void loadMatrixTransposed(uint32_t (&d)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(sharedAddress(row))
               : "memory");
}

// d += a * b with a 16 x 16, b 16 x 8, d 16 x 8 in fp32. Two elements per register, the lower index in the
// lower half:
//   a[0] (g, 2t), a[1] (g + 8, 2t), a[2] (g, 2t + 8), a[3] (g + 8, 2t + 8)   and the next column
//   b[0] (2t, g), b[1] (2t + 8, g)                                            and the next row
//   d[0] (g, 2t), d[1] (g, 2t + 1), d[2] (g + 8, 2t), d[3] (g + 8, 2t + 1)
__device__ __forceinline__ void multiplyAdd(Bf16, float (&d)[4], const uint32_t (&a)[4],
                                            const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ void multiplyAdd(F16, float (&d)[4], const uint32_t (&a)[4],
                                            const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// d += a * b with a 16 x 8, b 8 x 8, d 16 x 8: fp32 bits of which the lower 13 do not count (tf32).
//   a[0] (g, t), a[1] (g + 8, t), a[2] (g, t + 4), a[3] (g + 8, t + 4);  b[0] (t, g), b[1] (t + 4, g);  d as
//   above
struct Tf32 {};
__device__ __forceinline__ void multiplyAdd(Tf32, float (&d)[4], const uint32_t (&a)[4],
                                            const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Two fp32 numbers rounded to nearest, ties to even, as a register of two elements; a NaN stays a NaN. A bf16
// keeps the range of fp32, an f16 becomes infinite above 65504.
__device__ __forceinline__ uint32_t pairOf(Bf16, float lower, float upper) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(upper), "f"(lower));
  return pair;
}
__device__ __forceinline__ uint32_t pairOf(F16, float lower, float upper) {
  uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(upper), "f"(lower));
  return pair;
}

// The numbers in the lower and upper half of such a register.
__device__ __forceinline__ float lowerOf(Bf16, uint32_t pair) {
  return __uint_as_float(pair << 16);
}
__device__ __forceinline__ float upperOf(Bf16, uint32_t pair) {
  return __uint_as_float(pair & 0xffff0000u);
}
__device__ __forceinline__ float lowerOf(F16, uint32_t pair) {
  float number;
  asm("{.reg .b16 lower, upper; mov.b32 {lower, upper}, %1; cvt.f32.f16 %0, lower;}"
      : "=f"(number)
      : "r"(pair));
  return number;
}
__device__ __forceinline__ float upperOf(F16, uint32_t pair) {
  float number;
  asm("{.reg .b16 lower, upper; mov.b32 {lower, upper}, %1; cvt.f32.f16 %0, upper;}"
      : "=f"(number)
      : "r"(pair));
  return number;
}

}  // namespace facenet::cuda::ptx

#endif
