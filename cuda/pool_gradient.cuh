// Pools as training has them (ops/pool.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/ops/pool.h"

namespace facenet::cuda {

// Views of device memory of one count, f32 or bf16. What lies between the pixels of y and dx is left alone.
// Asynchronous on `stream`; throws where a launch fails.

// max_pool that leaves the argmax of each window, row * kernelWidth + column, the first of equal ones: a byte
// each, so windows have at most kMaxPooledPixels. `argmax` has argmaxBytes, aligned to 16.
void maxPool(const Pool& op, const View& x, const View& y, uint8_t* argmax, cudaStream_t stream);
int64_t argmaxBytes(int64_t count, const Shape& output);

// The gradient of x from dy: by `argmax` for max_pool, from x and y for l2_pool; what a kind does not need
// may be missing. x and dx have one type, y and dy have one. dx is overwritten, or added to where
// `accumulate`.
struct PoolPass {
  View x, y, dy;
  const uint8_t* argmax = nullptr;
};
void poolGradient(const Pool& op, const PoolPass& pass, const View& dx, bool accumulate, cudaStream_t stream);

}  // namespace facenet::cuda
