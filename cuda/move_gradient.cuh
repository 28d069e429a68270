// The backward of zero_pad and upsample (ops/zero_pad.h, ops/upsample.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/upsample.h"
#include "native/ops/zero_pad.h"

namespace facenet::cuda {

// Views of device memory of one count, f32 or bf16; dy has the shape that the op gives for that of dx. dx is
// overwritten, or added to where `accumulate`; what lies between its pixels is left alone. Asynchronous;
// throws where the launch fails.
void zeroPadGradient(const ZeroPad& op, const View& dy, const View& dx, bool accumulate, cudaStream_t stream);
void upsampleGradient(const Upsample& op, const View& dy, const View& dx, bool accumulate,
                      cudaStream_t stream);

}  // namespace facenet::cuda
