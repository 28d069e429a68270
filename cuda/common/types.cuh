// The element types that a launcher turns into constants of its kernels.
#pragma once

#include <type_traits>

#include "cuda/common/check.h"
#include "native/core/dtype.h"

namespace facenet::cuda {

// Whether types meet in a plan: its activations have one type, what the caller holds is fp32.
template <class... T>
constexpr bool kMeet = !((std::is_same_v<T, bf16> || ...) && (std::is_same_v<T, f16> || ...));

template <class T>
struct TypeOf {
  using Type = T;
};
template <class Body>
void withType(DType dtype, Body body) {
  FACENET_ASSERT(dtype != DType::u8);
  if (dtype == DType::f32) return body(TypeOf<float>());
  if (dtype == DType::bf16) return body(TypeOf<bf16>());
  body(TypeOf<f16>());
}

// body(TypeOf<In>(), TypeOf<Out>())
template <class Body>
void withTypes(DType in, DType out, Body body) {
  withType(in, [&]<class In>(TypeOf<In>) {
    withType(out, [&]<class Out>(TypeOf<Out>) {
      if constexpr (kMeet<In, Out>)
        body(TypeOf<In>(), TypeOf<Out>());
      else
        FACENET_ASSERT(in == out);
    });
  });
}

// run(N as a constant): the packed width where every view allows it, or one number at a time.
template <int N>
using Width = std::integral_constant<int, N>;
template <int Wide, class Run>
void withWidth(bool packed, Run run) {
  packed ? run(Width<Wide>()) : run(Width<1>());
}

}  // namespace facenet::cuda
