// The instructions of cuda/ptx.cuh in the emulator.
#pragma once

#include <cstdint>
#include <source_location>

#include "emulator/block.h"

namespace emulator {

void copyAsync(void* to, const void* from, size_t bytes, size_t size, const void* place);
void copyAsyncCommit();
void copyAsyncWait(size_t pending);
// `d` has one register per matrix.
void loadMatrix(uint32_t* d, unsigned matrices, bool transposed, const void* row, Where where);

enum class Element { bf16, f16, tf32 };
uint32_t pairOf(Element type, float lower, float upper);
float numberOf(Element type, uint32_t bits);
void multiplyAdd(Element type, float* d, const uint32_t* a, const uint32_t* b, Where where);

}  // namespace emulator

namespace facenet::cuda::ptx {

using Where = std::source_location;

template <emulator::Element E>
struct ElementType {
  static constexpr emulator::Element value = E;
};
using Bf16 = ElementType<emulator::Element::bf16>;
using F16 = ElementType<emulator::Element::f16>;
using Tf32 = ElementType<emulator::Element::tf32>;

template <int Bytes>
__attribute__((noinline)) void copyAsync(void* to, const void* from, bool valid = true) {
  emulator::copyAsync(to, from, valid ? Bytes : 0, Bytes, __builtin_return_address(0));
}
__attribute__((noinline)) inline void copyAsyncPartly(void* to, const void* from, int bytes) {
  emulator::copyAsync(to, from, static_cast<size_t>(bytes), 16, __builtin_return_address(0));
}
inline void copyAsyncCommit() {
  emulator::copyAsyncCommit();
}
template <int Pending>
void copyAsyncWait() {
  emulator::copyAsyncWait(Pending);
}

template <int Matrices>
void loadMatrix(uint32_t (&d)[Matrices], const void* row, Where where = Where::current()) {
  emulator::loadMatrix(d, Matrices, false, row, where);
}
template <int Matrices>
void loadMatrixTransposed(uint32_t (&d)[Matrices], const void* row, Where where = Where::current()) {
  emulator::loadMatrix(d, Matrices, true, row, where);
}

template <class Type>
void multiplyAdd(Type, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                 Where where = Where::current()) {
  emulator::multiplyAdd(Type::value, d, a, b, where);
}

template <class Type>
uint32_t pairOf(Type, float lower, float upper) {
  return emulator::pairOf(Type::value, lower, upper);
}
template <class Type>
float lowerOf(Type, uint32_t pair) {
  return emulator::numberOf(Type::value, pair & 0xffff);
}
template <class Type>
float upperOf(Type, uint32_t pair) {
  return emulator::numberOf(Type::value, pair >> 16);
}

}  // namespace facenet::cuda::ptx
