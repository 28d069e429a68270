// maximum and minimum (ops/extremum.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/extremum.h"

namespace facenet::cuda {

// Views of device memory of one count and shape. What lies between the pixels of outputs is left alone. Asynchronous on
// `stream`; throws where a launch fails.

// y = the larger or the smaller of a and b. f32, bf16 or f16, of which some may be f32 where the others are not.
void extremum(const Extremum& op, const View& a, const View& b, const View& y, cudaStream_t stream);

// dy where y is `own` rather than `other`, else 0, written to dx or added. `wins`: where both are equal it is `own`.
// f32 or bf16.
void extremumGradient(const Extremum& op, const View& own, const View& other, bool wins, const View& dy,
                      const View& dx, bool accumulate, cudaStream_t stream);

}  // namespace facenet::cuda
