// The ops that make each value of a pixel from the one at the same index: activations (ops/activation.h),
// batch_norm and affine (ops/norm.h), concat (ops/concat.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/activation.h"

namespace facenet::cuda {

// Views of device memory of one count and shape, f32, bf16 or f16, of which one may be f32 where the other is
// not. Arrays of one value per channel each are device memory, padded to a multiple of 8 values. What lies between the
// pixels of y is left alone. Asynchronous on `stream`; throws where a launch fails.

// `slope`: prelu only.
void activation(Activation::Kind kind, const float* slope, const View& x, const View& y, cudaStream_t stream);

// y = x * scale[c] + shift[c]
void scaleShift(const float* scale, const float* shift, const View& x, const View& y, cudaStream_t stream);

// y = x: what a concat copies into its slice.
void copyChannels(const View& x, const View& y, cudaStream_t stream);

}  // namespace facenet::cuda
