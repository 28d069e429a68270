// Products that are finished in a second pass: their terms were split among blocks (split-K), or maxout wants more
// columns than one thread has. The sums wait in scratch, fp32, splits x groups x pixels x columns.
#pragma once

#include "cuda/conv2d/common/conv2d.cuh"

namespace facenet::cuda {

int64_t splitBytes(int64_t groups, int64_t pixels, int64_t columns, int splits);

// Adds the splits in call.scratch up, always in the same order, and does everything that comes after: bias
// (unless it is null), residual, maxout, activation and the stores. Asynchronous on `stream`; throws where the
// launch fails.
void addSplits(const ConvCall& call, int splits, cudaStream_t stream);

}  // namespace facenet::cuda
