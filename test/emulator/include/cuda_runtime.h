// What kernels see: CUDA's keywords, vector types, barriers and warp collectives.
#pragma once

#include <cmath>
#include <functional>
#include <source_location>
#include <tuple>

#include "cuda_runtime_api.h"
#include "emulator/block.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

// Vectors are loaded and stored in one access, as the hardware does.
template <class T>
struct alignas(2 * sizeof(T)) EmulatedVector2 {
  T x, y;
  EmulatedVector2() = default;
  constexpr EmulatedVector2(T x, T y) : x(x), y(y) {}
  EmulatedVector2(const EmulatedVector2& other) { *this = other; }
  EmulatedVector2& operator=(const EmulatedVector2& other) {
    typedef T Whole __attribute__((vector_size(2 * sizeof(T)), may_alias));
    *reinterpret_cast<Whole*>(this) = *reinterpret_cast<const Whole*>(&other);
    return *this;
  }
};
template <class T>
struct alignas(4 * sizeof(T)) EmulatedVector4 {
  T x, y, z, w;
  EmulatedVector4() = default;
  constexpr EmulatedVector4(T x, T y, T z, T w) : x(x), y(y), z(z), w(w) {}
  EmulatedVector4(const EmulatedVector4& other) { *this = other; }
  EmulatedVector4& operator=(const EmulatedVector4& other) {
    typedef T Whole __attribute__((vector_size(4 * sizeof(T)), may_alias));
    *reinterpret_cast<Whole*>(this) = *reinterpret_cast<const Whole*>(&other);
    return *this;
  }
};
using float2 = EmulatedVector2<float>;
using float4 = EmulatedVector4<float>;
using int2 = EmulatedVector2<int>;
using int4 = EmulatedVector4<int>;
using uint2 = EmulatedVector2<unsigned>;
using uint4 = EmulatedVector4<unsigned>;
using uchar4 = EmulatedVector4<unsigned char>;
inline float2 make_float2(float x, float y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}
inline int2 make_int2(int x, int y) {
  return {x, y};
}
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}

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

inline void __syncthreads(std::source_location where = std::source_location::current()) {
  emulator::barrier("__syncthreads", where);
}
inline void __syncwarp(unsigned mask = ~0u, std::source_location where = std::source_location::current()) {
  emulator::meet(
      "__syncwarp", mask, nullptr,
      [](void**, unsigned lanes) {
        if (lanes == ~0u) ++emulator::block.warpBarriers[emulator::block.current->warp()];
      },
      where);
}

namespace emulator {

template <class T>
struct Shuffle {
  T value;
  unsigned from;
};

// Each lane gets the value of lane `from`.
template <class T>
T shuffle(const char* what, unsigned mask, T value, unsigned from, Where where) {
  Shuffle<T> slot{value, from};
  meet(
      what, mask, &slot,
      [](void** slots, unsigned lanes) {
        T values[kWarp];
        for (unsigned lane = 0; lane < kWarp; ++lane)
          if (lanes >> lane & 1) values[lane] = static_cast<Shuffle<T>*>(slots[lane])->value;
        for (unsigned lane = 0; lane < kWarp; ++lane) {
          if (!(lanes >> lane & 1)) continue;
          auto& self = *static_cast<Shuffle<T>*>(slots[lane]);
          if (!(lanes >> self.from & 1))
            fail(text("shuffle from lane ", self.from, ", which takes no part,"));
          self.value = values[self.from];
        }
      },
      where);
  return slot.value;
}

// Each lane gets `combine` over the values of all lanes, and the lanes whose value is not zero.
template <class T, class Combine>
T reduce(const char* what, unsigned mask, T value, Combine, Where where) {
  meet(
      what, mask, &value,
      [](void** slots, unsigned lanes) {
        T* first = nullptr;
        for (unsigned lane = 0; lane < kWarp; ++lane) {
          if (!(lanes >> lane & 1)) continue;
          T* mine = static_cast<T*>(slots[lane]);
          if (first)
            *first = Combine()(*first, *mine);
          else
            first = mine;
        }
        for (unsigned lane = 0; lane < kWarp; ++lane)
          if (lanes >> lane & 1) *static_cast<T*>(slots[lane]) = *first;
      },
      where);
  return value;
}

struct Sum {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};
struct Least {
  template <class T>
  T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct Greatest {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

}  // namespace emulator

// The lane that a shuffle reads lies in the caller's segment of `width` lanes, or is the caller itself.
template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32,
              std::source_location where = std::source_location::current()) {
  const unsigned size = static_cast<unsigned>(width), base = emulator::currentLane() / size * size;
  return emulator::shuffle("__shfl_sync", mask, value, base + static_cast<unsigned>(from) % size, where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32,
                 std::source_location where = std::source_location::current()) {
  const unsigned lane = emulator::currentLane();
  const bool inside = lane % static_cast<unsigned>(width) >= distance;
  return emulator::shuffle("__shfl_up_sync", mask, value, inside ? lane - distance : lane, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32,
                   std::source_location where = std::source_location::current()) {
  const unsigned lane = emulator::currentLane(), size = static_cast<unsigned>(width);
  const bool inside = lane % size + distance < size;
  return emulator::shuffle("__shfl_down_sync", mask, value, inside ? lane + distance : lane, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32,
                  std::source_location where = std::source_location::current()) {
  const unsigned lane = emulator::currentLane(), other = lane ^ static_cast<unsigned>(bits);
  const unsigned size = static_cast<unsigned>(width);
  // A lane of an earlier segment may be read, one of a later segment not.
  return emulator::shuffle("__shfl_xor_sync", mask, value, other / size <= lane / size ? other : lane, where);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              std::source_location where = std::source_location::current()) {
  const unsigned bit = predicate ? 1u << emulator::currentLane() : 0u;
  return emulator::reduce("__ballot_sync", mask, bit, emulator::Sum(), where);
}
inline int __any_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return emulator::reduce("__any_sync", mask, int{predicate != 0}, emulator::Greatest(), where);
}
inline int __all_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return emulator::reduce("__all_sync", mask, int{predicate != 0}, emulator::Least(), where);
}
template <class T>
T __reduce_add_sync(unsigned mask, T value, std::source_location where = std::source_location::current()) {
  return emulator::reduce("__reduce_add_sync", mask, value, emulator::Sum(), where);
}
template <class T>
T __reduce_min_sync(unsigned mask, T value, std::source_location where = std::source_location::current()) {
  return emulator::reduce("__reduce_min_sync", mask, value, emulator::Least(), where);
}
template <class T>
T __reduce_max_sync(unsigned mask, T value, std::source_location where = std::source_location::current()) {
  return emulator::reduce("__reduce_max_sync", mask, value, emulator::Greatest(), where);
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
