// max_pool, avg_pool and l2_pool (ops/pool.h) of NHWC images, sums in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include "ops/pool.h"

namespace facenet::cuda {

// Views of device memory, fp32 or bf16. y's shape is that of the op; both dtypes are the same. Asynchronous; throws where the launch fails.
void pool(const Pool& op, const View& x, const View& y, cudaStream_t stream);

}  // namespace facenet::cuda
