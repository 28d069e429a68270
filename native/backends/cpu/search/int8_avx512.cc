// The filter in 8 bits for AVX-512 with VNNI, whose dot products take four dimensions an instruction.
#include "native/backends/cpu/features.h"
#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/search/int8_kernels.h"
#include "native/backends/cpu/simd/includes.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")
#endif

namespace facenet::cpu {
namespace {

__mmask16 lanesOf(int64_t left) {
  return left >= 16 ? 0xffff : static_cast<__mmask16>((1u << left) - 1);
}

__m512 less(const float* row, const float* center, int64_t k, __mmask16 lanes) {
  return _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, row + k), _mm512_maskz_loadu_ps(lanes, center + k));
}

float largest(const float* rows, int64_t count, int64_t dimensions, const float* center) {
  __m512 most = _mm512_setzero_ps();
  for (int64_t i = 0; i < count; ++i, rows += dimensions)
    for (int64_t k = 0; k < dimensions; k += 16)
      most = _mm512_max_ps(most, _mm512_abs_ps(less(rows, center, k, lanesOf(dimensions - k))));
  return _mm512_reduce_max_ps(most);
}

float quantize(const float* rows, int64_t count, int64_t dimensions, const float* center, int8_t* tiles,
               int32_t* sums, float* squares, float* rests, float* lengths) {
  const float most = largest(rows, count, dimensions, center), scale = most / 127;
  const int64_t tileBytes = (dimensions + 3) / 4 * kInt8TileRows * 4;
  if (!(scale >= kInt8MinScale)) return 0;
  const __m512 toInteger = _mm512_set1_ps(127 / most), step = _mm512_set1_ps(scale);
  for (int64_t i = 0; i < count; ++i, rows += dimensions) {
    int8_t* const out = tiles + i / kInt8TileRows * tileBytes + i % kInt8TileRows * 4;
    __m512i sum = _mm512_setzero_si512();
    __m512 square = _mm512_setzero_ps(), rest = square, length = square;
    for (int64_t k = 0; k < dimensions; k += 16) {
      const __m512 x = less(rows, center, k, lanesOf(dimensions - k));
      const __m512i near = _mm512_cvtps_epi32(_mm512_mul_ps(x, toInteger));
      const __m512i integers =
          _mm512_max_epi32(_mm512_min_epi32(near, _mm512_set1_epi32(127)), _mm512_set1_epi32(-127));
      const __m512 whole = _mm512_cvtepi32_ps(integers), left = _mm512_fnmadd_ps(step, whole, x);
      sum = _mm512_add_epi32(sum, integers);
      square = _mm512_fmadd_ps(x, x, square);
      rest = _mm512_fmadd_ps(left, left, rest);
      length = _mm512_fmadd_ps(whole, whole, length);
      alignas(16) int32_t groups[4];
      _mm_store_si128(reinterpret_cast<__m128i*>(groups), _mm512_cvtepi32_epi8(integers));
      for (int64_t group = 0; group < 4 && k + group * 4 < dimensions; ++group)
        std::memcpy(out + (k / 4 + group) * kInt8TileRows * 4, groups + group, 4);
    }
    sums[i] = _mm512_reduce_add_epi32(sum);
    squares[i] = _mm512_reduce_add_ps(square);
    // At most 272 roundings each; what underflows is far below a step.
    rests[i] = std::sqrt(_mm512_reduce_add_ps(rest)) * 1.001f + 1e-3f * kInt8MinScale;
    lengths[i] = scale * std::sqrt(_mm512_reduce_add_ps(length)) * 1.001f;
  }
  return scale;
}

void scaleCuts(const double* cuts, int64_t count, double factor, int32_t* limits) {
  for (int64_t i = 0; i < count; ++i) {
    const double cut = cuts[i] * factor, within = std::max(std::min(cut, kInt8Reach), -kInt8Reach);
    const int32_t limit = cut < -kInt8Reach ? INT32_MIN : static_cast<int32_t>(within) - 2;
    limits[i] = cuts[i] == INFINITY ? INT32_MAX : limit;
  }
}

void startSums(const Int8Rows& rows, int64_t count, double share, double longest, double rest, double factor,
               int32_t* starts) {
  // What the row adds to all limits; less of it lets more through, and -1.9e9 everything.
  for (int64_t i = 0; i < count; ++i) {
    const double part = (rows.squares[i] * share - longest * rows.rests[i] - rest * rows.lengths[i]) * factor;
    const double within = std::max(std::min(part, kInt8Reach), -kInt8Reach);
    const int32_t own = part < -kInt8Reach ? -1'900'000'000 : static_cast<int32_t>(within) - 2;
    starts[i] = -128 * rows.sums[i] - own;
  }
}

// sum += the products of four integers without and four with sign, lane by lane. By the intrinsic, GCC 12 copies all sums.
inline void multiplyAdd(__m512i& sum, __m512i queries, __m512i row) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(queries), "v"(row));
}

template <int NV>
bool above(const int8_t* tile, int64_t groups, const uint8_t* queries, const int32_t* starts,
           const int32_t* limits, uint32_t* hits) {
  __m512i sums[kInt8TileRows][NV];
#pragma GCC unroll 16
  for (int i = 0; i < kInt8TileRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) sums[i][j] = _mm512_set1_epi32(starts[i]);
  }
  for (int64_t group = 0; group < groups; ++group, tile += kInt8TileRows * 4, queries += NV * 64) {
    __m512i of[NV];
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) of[j] = _mm512_load_si512(queries + j * 64);
#pragma GCC unroll 16
    for (int i = 0; i < kInt8TileRows; ++i) {
      int32_t four;
      std::memcpy(&four, tile + i * 4, 4);
      const __m512i row = _mm512_set1_epi32(four);
#pragma GCC unroll 2
      for (int j = 0; j < NV; ++j) multiplyAdd(sums[i][j], of[j], row);
    }
  }
  uint32_t any = 0;
#pragma GCC unroll 16
  for (int i = 0; i < kInt8TileRows; ++i) {
    hits[i] = 0;
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j)
      hits[i] |=
          static_cast<uint32_t>(_mm512_cmpgt_epi32_mask(sums[i][j], _mm512_loadu_si512(limits + j * 16)))
          << (j * 16);
    any |= hits[i];
  }
  return any != 0;
}

bool rowsAbove(const int8_t* tile, int64_t groups, const uint8_t* queries, int64_t vectors,
               const int32_t* starts, const int32_t* limits, uint32_t* hits) {
  if (vectors == 2) return above<2>(tile, groups, queries, starts, limits, hits);
  return above<1>(tile, groups, queries, starts, limits, hits);
}

void blockAbove(const int8_t* tiles, int64_t groups, const uint8_t* queries, int64_t count,
                const int32_t* starts, const int32_t* limits, uint32_t* hits) {
  constexpr int kTiles = kInt8BlockRows / kInt8TileRows;
  constexpr __mmask16 rows = (1u << kInt8TileRows) - 1;
  const int64_t tileBytes = groups * kInt8TileRows * 4;
  std::fill_n(hits, kInt8BlockRows, 0u);
  for (int64_t query = 0; query < count; ++query) {
    __m512i sums[kTiles];
#pragma GCC unroll 16
    for (int t = 0; t < kTiles; ++t) sums[t] = _mm512_maskz_loadu_epi32(rows, starts + t * kInt8TileRows);
    for (int64_t group = 0; group < groups; ++group) {
      int32_t four;
      std::memcpy(&four, queries + group * 64 + query * 4, 4);
      const __m512i same = _mm512_set1_epi32(four);
#pragma GCC unroll 16
      for (int t = 0; t < kTiles; ++t)
        multiplyAdd(sums[t], same,
                    _mm512_maskz_loadu_epi32(rows, tiles + t * tileBytes + group * kInt8TileRows * 4));
    }
    const __m512i limit = _mm512_set1_epi32(limits[query]);
    for (int t = 0; t < kTiles; ++t)
      for (uint32_t left = _mm512_mask_cmpgt_epi32_mask(rows, sums[t], limit); left; left &= left - 1)
        hits[t * kInt8TileRows + __builtin_ctz(left)] |= 1u << query;
  }
}

}  // namespace
#if defined(__clang__)
#pragma clang attribute pop
#endif

const Int8Kernels* int8Kernels() {
  static const Int8Kernels kernels = {quantize, scaleCuts, startSums, rowsAbove, blockAbove};
  static const bool has = &isa() == &avx512 && detectFeatures().avx512Vnni;
  return has ? &kernels : nullptr;
}

}  // namespace facenet::cpu

#else

namespace facenet::cpu {

const Int8Kernels* int8Kernels() {
  return nullptr;
}

}  // namespace facenet::cpu
#endif
