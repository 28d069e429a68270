#include "ptx.h"

#include <array>
#include <cstring>

#include "memory.h"
#include "native/core/dtype.h"
#include "tensor_core.h"

namespace emulator {
namespace {

constexpr unsigned kRows = 8;  // of a matrix that ldmatrix loads
constexpr size_t kRowBytes = 16;

struct MatrixLoad {
  const char* row;
  uint32_t* d;
  unsigned matrices;
  bool transposed;
};

// Element (row, column) of the matrix whose rows start at lane `first`.
uint16_t element(void** slots, unsigned first, unsigned row, unsigned column) {
  uint16_t value;
  std::memcpy(&value, static_cast<MatrixLoad*>(slots[first + row])->row + column * sizeof value,
              sizeof value);
  return value;
}

void exchangeMatrices(void** slots, unsigned lanes) {
  if (lanes != ~0u) fail("ldmatrix without the whole warp");
  const MatrixLoad kind = *static_cast<MatrixLoad*>(slots[0]);
  for (unsigned i = 0; i < kind.matrices; ++i) {
    std::array<uintptr_t, kRows> rows;
    for (unsigned r = 0; r < kRows; ++r)
      rows[r] = reinterpret_cast<uintptr_t>(static_cast<MatrixLoad*>(slots[i * kRows + r])->row);
    if (options().countTransactions) countSharedPass(rows.data(), kRows, kRowBytes);
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      const unsigned g = lane / 4, t = lane % 4;
      const uint32_t low =
          kind.transposed ? element(slots, i * kRows, 2 * t, g) : element(slots, i * kRows, g, 2 * t);
      const uint32_t high =
          kind.transposed ? element(slots, i * kRows, 2 * t + 1, g) : element(slots, i * kRows, g, 2 * t + 1);
      static_cast<MatrixLoad*>(slots[lane])->d[i] = low | high << 16;
    }
  }
}

float fromBits(uint32_t bits) {
  return __builtin_bit_cast(float, bits);
}

struct Multiply {
  float* d;
  const uint32_t *a, *b;
};

// One of the two 16-bit elements of a register.
template <Element Type>
float half(uint32_t pair, unsigned which) {
  return numberOf(Type, pair >> 16 * which & 0xffff);
}

// Gathers the fragments into matrices, multiplies, and spreads the product (layouts: cuda/ptx.cuh).
template <Element Type>
void exchangeProducts(void** slots, unsigned lanes) {
  if (lanes != ~0u) fail("mma.sync without the whole warp");
  constexpr unsigned kM = 16, kN = 8, kK = Type == Element::tf32 ? 8 : 16;
  float a[kM][kK], b[kN][kK];  // b by columns
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    const unsigned g = lane / 4, t = lane % 4;
    const Multiply& self = *static_cast<Multiply*>(slots[lane]);
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = g + i % 2 * 8;
      if constexpr (Type == Element::tf32)
        a[row][t + i / 2 * 4] = fromBits(self.a[i] & ~0x1fffu);
      else
        for (unsigned j = 0; j < 2; ++j) a[row][2 * t + j + i / 2 * 8] = half<Type>(self.a[i], j);
    }
    for (unsigned i = 0; i < 2; ++i) {
      if constexpr (Type == Element::tf32)
        b[g][t + i * 4] = fromBits(self.b[i] & ~0x1fffu);
      else
        for (unsigned j = 0; j < 2; ++j) b[g][2 * t + j + i * 8] = half<Type>(self.b[i], j);
    }
  }
  const TensorCores machine = options().tensorCores;
  const size_t block = blockOf(machine, Type == Element::tf32);
  for (unsigned lane = 0; lane < kWarp; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      float& d = static_cast<Multiply*>(slots[lane])->d[i];
      d = addProducts(machine, d, a[lane / 4 + i / 2 * 8], b[lane % 4 * 2 + i % 2], kK, block);
    }
  ++counters().mma;
  counters().multiplyAdds += int64_t{kM} * kN * kK;
}

}  // namespace

uint32_t pairOf(Element type, float lower, float upper) {
  const auto bits = [&](float number) -> uint32_t {
    return type == Element::bf16 ? facenet::toBf16(number).bits : facenet::toF16(number).bits;
  };
  return bits(lower) | bits(upper) << 16;
}

float numberOf(Element type, uint32_t bits) {
  const auto stored = static_cast<uint16_t>(bits);
  return type == Element::bf16 ? facenet::toFloat(facenet::bf16{stored})
                               : facenet::toFloat(facenet::f16{stored});
}

void copyAsync(void* to, const void* from, size_t bytes, size_t size, const void* place) {
  const AsyncCopy copy{static_cast<char*>(to), static_cast<const char*>(from), bytes, size};
  issueCopy(copy, place);
  block.current->issued.push_back(copy);
}

void copyAsyncCommit() {
  Thread& self = *block.current;
  self.committed.push_back(std::move(self.issued));
  self.issued.clear();
}

void copyAsyncWait(size_t pending) {
  auto& groups = block.current->committed;
  const size_t done = groups.size() > pending ? groups.size() - pending : 0;
  for (size_t i = 0; i < done; ++i)
    for (const AsyncCopy& copy : groups[i]) finishCopy(copy);
  groups.erase(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(done));
}

void loadMatrix(uint32_t* d, unsigned matrices, bool transposed, const void* row, Where where) {
  const Thread& self = *block.current;
  if (self.lane() < matrices * kRows) readMatrixRow(row, kRowBytes);
  MatrixLoad slot{static_cast<const char*>(row), d, matrices, transposed};
  meet("ldmatrix", ~0u, &slot, exchangeMatrices, where);
}

void multiplyAdd(Element type, float* d, const uint32_t* a, const uint32_t* b, Where where) {
  Multiply slot{d, a, b};
  meet("mma.sync", ~0u, &slot,
       type == Element::bf16  ? exchangeProducts<Element::bf16>
       : type == Element::f16 ? exchangeProducts<Element::f16>
                              : exchangeProducts<Element::tf32>,
       where);
}

}  // namespace emulator
