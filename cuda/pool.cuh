// max_pool, avg_pool and l2_pool (ops/pool.h) of NHWC images, sums in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include "native/ops/pool.h"

namespace facenet::cuda {

// Views of device memory of one count, f32, bf16 or f16, of which one may be f32 where the other is not; y's
// shape is that of the op. What lies between the pixels of y is left alone. Asynchronous; throws where the
// launch fails.
void pool(const Pool& op, const View& x, const View& y, cudaStream_t stream);

}  // namespace facenet::cuda
