// The powers of local response normalisation (ops/lrn.h) that are cheaper than powf.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace facenet::cuda {

// The window of the vector kernels, which all published networks use: two neighbours on either side.
constexpr int kLrnSize = 5, kLrnReach = 2;

enum class Power { threeQuarters, half, one, any };

// body(the power of `beta` as a constant)
template <Power P>
struct PowerConstant {
  static constexpr Power value = P;
};
template <class Body>
void withPower(float beta, Body body) {
  if (beta == 0.75f) return body(PowerConstant<Power::threeQuarters>());
  if (beta == 0.5f) return body(PowerConstant<Power::half>());
  if (beta == 1.f) return body(PowerConstant<Power::one>());
  body(PowerConstant<Power::any>());
}

struct LrnConstants {
  float alpha, beta, bias;  // alpha a value
};

}  // namespace facenet::cuda
