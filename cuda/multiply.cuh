// multiply (ops/multiply.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/multiply.h"

namespace facenet::cuda {

// Views of device memory of one count. What lies between the pixels of outputs is left alone. Asynchronous on `stream`;
// throws where a launch fails.

// y = a b, or y += a b where `accumulate`; b has the shape of a, or one pixel. f32, bf16 or f16, of which some may be
// f32 where the others are not.
void multiply(const View& a, const View& b, const View& y, bool accumulate, cudaStream_t stream);

// The gradient of a b of one pixel: db = the sum over pixels of dy a, or db +=. f32 or bf16. Deterministic.
void multiplySums(const View& a, const View& dy, const View& db, bool accumulate, cudaStream_t stream);

}  // namespace facenet::cuda
