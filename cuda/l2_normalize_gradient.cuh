// The backward of l2_normalize (ops/l2_normalize.h), sums in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"

namespace facenet::cuda {

// Views of device memory of one count and shape, f32 or bf16, x and dx of one type. dx is overwritten, or
// added to where `accumulate`; what lies between its pixels is left alone. Asynchronous on `stream`; throws
// where the launch fails.
void l2NormalizeGradient(float epsilon, const View& x, const View& dy, const View& dx, bool accumulate,
                         cudaStream_t stream);

}  // namespace facenet::cuda
