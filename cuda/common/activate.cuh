// Activations of one number (ops/activation.h). A NaN stays a NaN.
#pragma once

#include <cuda_runtime.h>

#include "native/ops/activation.h"

namespace facenet::cuda {

template <Activation::Kind Kind>
__device__ __forceinline__ float activated(float value, float slope) {
  switch (Kind) {
    case Activation::Kind::relu: return value < 0.f ? 0.f : value;
    case Activation::Kind::relu6: return value < 0.f ? 0.f : value > 6.f ? 6.f : value;
    case Activation::Kind::prelu: return value > 0.f ? value : value * slope;
    default: return value;
  }
}

// The same of a kind that is known when the kernel runs.
__device__ __forceinline__ float activateAs(Activation::Kind kind, float value, float slope) {
  using enum Activation::Kind;
  switch (kind) {
    case relu: return activated<relu>(value, slope);
    case relu6: return activated<relu6>(value, slope);
    case prelu: return activated<prelu>(value, slope);
    default: return value;
  }
}

// The gradient of an activation's input, from those of its output y (ops/activation.h); a prelu's needs its
// input.
template <Activation::Kind Kind>
__device__ __forceinline__ float activationGradientOf(float y, float dy) {
  static_assert(Kind != Activation::Kind::prelu);
  switch (Kind) {
    case Activation::Kind::relu: return y > 0.f ? dy : 0.f;
    case Activation::Kind::relu6: return y > 0.f && y < 6.f ? dy : 0.f;
    default: return dy;
  }
}

// body(the kind as a constant)
template <Activation::Kind Kind>
struct ActivationKind {
  static constexpr Activation::Kind value = Kind;
};
template <class Body>
void withActivation(Activation::Kind kind, Body body) {
  using enum Activation::Kind;
  switch (kind) {
    case relu: return body(ActivationKind<relu>());
    case relu6: return body(ActivationKind<relu6>());
    case prelu: return body(ActivationKind<prelu>());
    default: return body(ActivationKind<none>());
  }
}

}  // namespace facenet::cuda
