// What ops/embeddings.h and ops/top_k.h compute, on a CUDA device and of host memory of any size: it streams
// through buffers of a few hundred megabytes. Throws ERR_FACENET_CUDA_UNAVAILABLE where there is no device.
#pragma once

#include <cstdint>

#include "native/ops/top_k.h"

namespace facenet::cuda {

void l2NormalizeHostRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out);

// Each distance is the chain of ops/triplet_mining.h, so equal rows are at exactly zero.
void pairwiseHostDistances(const float* a, int64_t n, const float* b, int64_t m, int64_t dimensions,
                           float* out);

void findNearest(const TopK& task, int32_t* indices, float* distances);

}  // namespace facenet::cuda
