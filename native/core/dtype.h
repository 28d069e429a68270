// Element types, and the conversions between fp32 and bf16.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace facenet {

enum class DType : uint8_t { f32, bf16, u8 };

constexpr size_t byteSize(DType type) {
  return type == DType::f32 ? 4 : type == DType::bf16 ? 2 : 1;
}
constexpr const char* dtypeName(DType type) {
  return type == DType::f32 ? "f32" : type == DType::bf16 ? "bf16" : "u8";
}

// The upper half of an fp32: 8 bits of exponent, 8 bits of precision.
struct bf16 {
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

}  // namespace facenet
