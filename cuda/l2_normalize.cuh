// l2_normalize on rows of `dimensions` fp32 values: y = x / max(||x||_2, epsilon), sums in fp32
// (ops/elementwise.h).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace facenet::cuda {

// Device pointers to rows x dimensions values; `y` may be `x`. Asynchronous on `stream`; throws where the
// launch fails.
void l2NormalizeRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* y,
                     cudaStream_t stream);

}  // namespace facenet::cuda
