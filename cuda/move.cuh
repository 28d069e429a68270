// The ops that put pixels elsewhere: zero_pad and upsample (ops/zero_pad.h, ops/upsample.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/upsample.h"
#include "native/ops/zero_pad.h"

namespace facenet::cuda {

// Views of device memory of one count, f32, bf16 or f16, of which one may be f32 where the other is not; y has
// the shape that the op gives. What lies between the pixels of y is left alone. Asynchronous; throws where
// the launch fails.
void zeroPad(const ZeroPad& op, const View& x, const View& y, cudaStream_t stream);
void upsample(const Upsample& op, const View& x, const View& y, cudaStream_t stream);

}  // namespace facenet::cuda
