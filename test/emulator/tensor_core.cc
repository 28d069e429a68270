#include "tensor_core.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

namespace emulator {
namespace {

constexpr int kFractionBits = 23;  // of fp32
constexpr int kNoExponent = std::numeric_limits<int>::min();

int biasedExponent(float value) {
  return static_cast<int>(__builtin_bit_cast(uint32_t, value) >> kFractionBits & 0xff);
}

// Of the leading bit; that of subnormal numbers is the least one. Zeros have none and do not count.
int exponentOf(float value) {
  return value == 0 ? kNoExponent : std::max(biasedExponent(value), 1) - 127;
}

bool isFinite(float value) {
  return biasedExponent(value) != 0xff;
}

double powerOfTwo(int exponent) {
  return __builtin_bit_cast(double, static_cast<uint64_t>(exponent + 1023) << 52);
}

// Towards zero.
float cutToFloat(double value) {
  const auto nearest = static_cast<float>(value);
  return std::abs(double{nearest}) > std::abs(value) ? std::nextafter(nearest, 0.0f) : nearest;
}

float addBlock(float sum, const float* a, const float* b, size_t count, int extraBits) {
  int largest = exponentOf(sum);
  bool finite = isFinite(sum);
  for (size_t i = 0; i < count; ++i) {
    finite &= isFinite(a[i]) && isFinite(b[i]);
    // The exponents are added before the product is known: one in [2, 4) times that power stays as it is.
    if (a[i] != 0 && b[i] != 0) largest = std::max(largest, exponentOf(a[i]) + exponentOf(b[i]));
  }
  if (!finite) {
    for (size_t i = 0; i < count; ++i) sum += a[i] * b[i];
    return sum;
  }
  if (largest == kNoExponent) return sum;
  const int last = largest - kFractionBits - extraBits;  // the exponent of the last bit that counts
  const double scale = powerOfTwo(-last);
  int64_t total = static_cast<int64_t>(double{sum} * scale);
  for (size_t i = 0; i < count; ++i) total += static_cast<int64_t>(double{a[i]} * double{b[i]} * scale);
  return cutToFloat(static_cast<double>(total) * powerOfTwo(last));
}

}  // namespace

TensorCores tensorCoresNamed(std::string_view name) {
  if (name == "nearest") return TensorCores::nearest;
  if (name == "ampere") return TensorCores::ampere;
  if (name == "hopper") return TensorCores::hopper;
  throw std::invalid_argument("tensor cores are nearest, ampere or hopper, not " + std::string(name));
}

size_t blockOf(TensorCores machine, bool wide) {
  const size_t products = machine == TensorCores::ampere ? 8 : 16;
  return wide ? products / 2 : products;
}

float addProducts(TensorCores machine, float sum, const float* a, const float* b, size_t count,
                  size_t block) {
  if (machine == TensorCores::nearest) {
    float products = 0;
    for (size_t i = 0; i < count; ++i) products += a[i] * b[i];
    return sum + products;
  }
  const int extraBits = machine == TensorCores::ampere ? 1 : 2;
  for (size_t i = 0; i < count; i += block) sum = addBlock(sum, a + i, b + i, block, extraBits);
  return sum;
}

}  // namespace emulator
