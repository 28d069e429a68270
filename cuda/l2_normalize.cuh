// l2_normalize: y = x / max(||x||_2, epsilon), sums in fp32 (ops/l2_normalize.h).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "native/core/shape.h"

namespace facenet::cuda {

// Over all values of an image. Views of device memory of one count and shape, f32, bf16 or f16, of which one
// may be f32 where the other is not; `y` may be `x`. What lies between the pixels of x counts for nothing, and
// that of y is left alone. Asynchronous on `stream`; throws where the launch fails.
void l2Normalize(float epsilon, const View& x, const View& y, cudaStream_t stream);

// The same of rows x dimensions dense fp32 values, row by row.
void l2NormalizeRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* y,
                     cudaStream_t stream);

}  // namespace facenet::cuda
