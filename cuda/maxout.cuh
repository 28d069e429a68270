// maxout (ops/maxout.h) where it stands alone.
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/maxout.h"

namespace facenet::cuda {

// Views of device memory of one count, f32, bf16 or f16, of which one may be f32 where the other is not; x has
// op.pieces times the channels of y. What lies between the pixels of y is left alone. Asynchronous; throws
// where the launch fails.
void maxout(const Maxout& op, const View& x, const View& y, cudaStream_t stream);

}  // namespace facenet::cuda
