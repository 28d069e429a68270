// Squared L2 distances between rows (native/backends/backend.h), each by the exact chain of cuda/distance_tile.cuh.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace facenet::cuda {

// out[i * m + j] = ||a[i] - b[j]||^2. Device pointers to n x dimensions, m x dimensions and n x m values; a may
// be b. Asynchronous on `stream`; throws where the launch fails.
void pairwiseDistances(const float* a, int64_t n, const float* b, int64_t m, int64_t dimensions, float* out,
                       cudaStream_t stream);

}  // namespace facenet::cuda
