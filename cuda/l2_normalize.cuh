// l2_normalize of rows: y = x / max(||x||_2, epsilon), sums in fp32 (ops/l2_normalize.h).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace facenet::cuda {

// rows x dimensions dense fp32 values, row by row; `y` may be `x`. Asynchronous on `stream`; throws where a launch
// fails.
void l2NormalizeRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* y,
                     cudaStream_t stream);

}  // namespace facenet::cuda
