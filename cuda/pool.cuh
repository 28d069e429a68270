// max_pool, avg_pool and l2_pool (ops/pool.h) of NHWC images, sums in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include "core/dtype.h"
#include "ops/pool.h"

namespace facenet::cuda {

// `count` images of `shape` in device memory, fp32 or bf16, pixels `pixelStride` values apart.
struct Images {
  void* data;
  DType dtype;
  int64_t count;
  Shape shape;
  int64_t pixelStride;
};

// y's shape is that of the op; both dtypes are the same. Asynchronous; throws where the launch fails.
void pool(const Pool& op, const Images& x, const Images& y, cudaStream_t stream);

}  // namespace facenet::cuda
