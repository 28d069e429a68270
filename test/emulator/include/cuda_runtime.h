// What kernels see: CUDA's keywords, launches, atomics and functions; vector types and collectives are included.
#pragma once

#include <cmath>
#include <functional>
#include <source_location>
#include <tuple>

#include "cuda_runtime_api.h"
#include "emulator/block.h"
#include "emulator/collectives.h"
#include "emulator/vectors.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

inline float __uint_as_float(unsigned bits) {
  return __builtin_bit_cast(float, bits);
}
inline unsigned __float_as_uint(float value) {
  return __builtin_bit_cast(unsigned, value);
}
template <class T>
T __ldg(const T* pointer) {
  return *pointer;
}

namespace emulator {

// Puts a launch on a stream. `launch.arguments` is null: `run` brings them when it calls emulator::run.
cudaError_t enqueue(const Launch& launch, std::function<void(Launch)> run, cudaStream_t stream);

// "... [with auto Kernel = name; ...]"
template <auto Kernel>
const char* kernelName() {
  return __PRETTY_FUNCTION__;
}

// Kernel<<<grid, threads, sharedBytes, stream>>>(arguments...)
template <auto Kernel, class... Parameters>
cudaError_t launch(dim3 grid, dim3 threads, size_t sharedBytes, cudaStream_t stream,
                   const std::tuple<Parameters...>& arguments) {
  const auto thread = [](const void* stored) {
    std::apply(Kernel, *static_cast<const std::tuple<Parameters...>*>(stored));
  };
  const Launch launch{kernelName<Kernel>(),
                      reinterpret_cast<const void*>(Kernel),
                      0,
                      grid,
                      threads,
                      sharedBytes,
                      thread,
                      nullptr,
                      sizeof arguments};
  const auto run = [arguments](Launch launch) {
    launch.arguments = &arguments;
    emulator::run(launch);
  };
  return enqueue(launch, run, stream);
}

}  // namespace emulator

// Atomics: no other fiber runs meanwhile. They are counted as writes, and not among the transactions.
namespace emulator {

void atomicAccess(const void* pointer, size_t bytes, bool read);

// Returns what was there before. Not announced as plain accesses.
template <class T, class Combine>
__attribute__((noinline, no_sanitize("thread"))) T atomic(T* at, T value, Combine combine) {
  atomicAccess(at, sizeof(T), false);
  const T before = *at;
  *at = combine(before, value);
  return before;
}
template <class T>
__attribute__((noinline, no_sanitize("thread"))) T loadAtomic(const T* from) {
  atomicAccess(from, sizeof(T), true);
  return *from;
}

}  // namespace emulator

inline int atomicAdd(int* at, int value) {
  return emulator::atomic(at, value, emulator::Sum());
}
inline unsigned long long atomicAdd(unsigned long long* at, unsigned long long value) {
  return emulator::atomic(at, value, emulator::Sum());
}
inline unsigned long long atomicMin(unsigned long long* at, unsigned long long value) {
  return emulator::atomic(at, value, emulator::Least());
}

// One operation, one rounding: the compiler fuses none of them.
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __fsqrt_rn(float a) {
  return std::sqrt(a);
}

// CUDA's overloads in the global namespace.
inline int __popc(unsigned bits) {
  return __builtin_popcount(bits);
}
inline int __clz(int bits) {
  return bits == 0 ? 32 : __builtin_clz(static_cast<unsigned>(bits));
}
inline int __ffs(int bits) {
  return __builtin_ffs(bits);
}
inline float __fdividef(float dividend, float divisor) {
  return dividend / divisor;
}
inline float rsqrtf(float value) {
  return 1 / std::sqrt(value);
}
inline int min(int a, int b) {
  return a < b ? a : b;
}
inline int max(int a, int b) {
  return a < b ? b : a;
}
inline int64_t min(int64_t a, int64_t b) {
  return a < b ? a : b;
}
inline int64_t max(int64_t a, int64_t b) {
  return a < b ? b : a;
}
inline unsigned long long min(unsigned long long a, unsigned long long b) {
  return a < b ? a : b;
}

template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
