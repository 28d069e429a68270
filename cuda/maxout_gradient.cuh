// The backward of maxout where it stands alone (ops/maxout.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/maxout.h"

namespace facenet::cuda {

// Views of device memory of one count, f32 or bf16, x and dx of one type and shape, with op.pieces times the
// channels of dy. dx is overwritten, or added to where `accumulate`; what lies between its pixels is left
// alone. Asynchronous; throws where the launch fails.
void maxoutGradient(const Maxout& op, const View& x, const View& dy, const View& dx, bool accumulate,
                    cudaStream_t stream);

}  // namespace facenet::cuda
