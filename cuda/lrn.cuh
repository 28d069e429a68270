// lrn (ops/lrn.h), sums in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/lrn.h"

namespace facenet::cuda {

// Views of device memory of one count and shape, f32, bf16 or f16, of which one may be f32 where the other is
// not. What lies between the pixels of y is left alone. Asynchronous; throws where the launch fails.
void lrn(const Lrn& op, const View& x, const View& y, cudaStream_t stream);

// How it is done, for printed plans.
const char* describeLrn(const Lrn& op);

}  // namespace facenet::cuda
