// Parameters of one element that stand for all channels.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace facenet::cuda {

// values[i] = *one for i < count. Device memory. Asynchronous; throws where the launch fails.
void broadcast(const float* one, int64_t count, float* values, cudaStream_t stream);

// *to += the sum of `count` values, always in the same order: the gradient of such a parameter.
void addSum(const float* values, int64_t count, float* to, cudaStream_t stream);

}  // namespace facenet::cuda
