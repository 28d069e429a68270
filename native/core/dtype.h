// Element types, and the conversions between fp32 and the 16-bit types.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace facenet {

enum class DType : uint8_t { f32, bf16, f16, u8 };

constexpr size_t byteSize(DType type) {
  return type == DType::f32 ? 4 : type == DType::u8 ? 1 : 2;
}
constexpr const char* dtypeName(DType type) {
  switch (type) {
    case DType::f32: return "f32";
    case DType::bf16: return "bf16";
    case DType::f16: return "f16";
    default: return "u8";
  }
}

// The upper half of an fp32: 8 bits of exponent, 8 bits of precision.
struct bf16 {
  uint16_t bits;
};

// IEEE binary16: 5 bits of exponent, 11 bits of precision; above 65504 it is infinite.
struct f16 {
  uint16_t bits;
};

inline float toFloat(float value) {
  return value;
}
inline float toFloat(uint8_t value) {
  return static_cast<float>(value);
}
inline float toFloat(bf16 value) {
  const uint32_t wide = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &wide, sizeof result);
  return result;
}

// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
inline bf16 toBf16(float value) {
  uint32_t wide;
  std::memcpy(&wide, &value, sizeof wide);
  if (std::isnan(value)) return {static_cast<uint16_t>((wide >> 16) | 0x40)};
  return {static_cast<uint16_t>((wide + 0x7fff + ((wide >> 16) & 1)) >> 16)};
}

inline float toFloat(f16 value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000) << 16;
  const uint32_t exponent = value.bits >> 10 & 31, fraction = value.bits & 0x3ff;
  float magnitude;
  if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    const uint32_t wide = (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    std::memcpy(&magnitude, &wide, sizeof magnitude);
  }
  return sign ? -magnitude : magnitude;
}

// Rounds to nearest, ties to even, also below the least normal value; a NaN stays a (quiet) NaN.
inline f16 toF16(float value) {
  const auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  if (std::isnan(value)) return {static_cast<uint16_t>(sign | 0x7e00)};
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.f) return {static_cast<uint16_t>(sign | 0x7c00)};
  // The distance of neighbouring f16 values here; dividing by it is exact.
  const int step = std::max(magnitude > 0 ? std::ilogb(magnitude) : -14, -14) - 10;
  const auto steps = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, -step)));
  // Counted from the least value of the exponent; a carry of the fraction moves into the exponent.
  const uint32_t base = steps < 1024 ? 0 : static_cast<uint32_t>(step + 24) << 10;
  return {static_cast<uint16_t>(sign | (base + steps))};
}

template <class T>
T fromFloat(float value);
template <>
inline float fromFloat<float>(float value) {
  return value;
}
template <>
inline bf16 fromFloat<bf16>(float value) {
  return toBf16(value);
}

template <>
inline f16 fromFloat<f16>(float value) {
  return toF16(value);
}

}  // namespace facenet
