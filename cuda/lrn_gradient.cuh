// The backward of lrn (ops/lrn.h), sums in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/lrn.h"

namespace facenet::cuda {

// Views of device memory of one count and shape, f32 or bf16, x and dx of one type. dx is overwritten, or
// added to where `accumulate`; what lies between its pixels is left alone. Denominators are computed again.
// Asynchronous; throws where the launch fails.
void lrnGradient(const Lrn& op, const View& x, const View& dy, const View& dx, bool accumulate,
                 cudaStream_t stream);

}  // namespace facenet::cuda
