// add: y = activation(a + factor * b) (ops/add.h), sums in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/add.h"

namespace facenet::cuda {

// Views of device memory of one count and shape, each f32 or the 16-bit type that they share. `slope`: prelu
// only, one per channel, padded to a multiple of 8 values. What lies between the pixels of y is left alone; y
// may be a or b. Asynchronous; throws where the launch fails.
void add(const Add& op, const float* slope, const View& a, const View& b, const View& y, cudaStream_t stream);

}  // namespace facenet::cuda
