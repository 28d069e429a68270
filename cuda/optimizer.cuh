// Updates of ops/optimizer.h over many chunks of one vector in one launch, and the norm of a gradient.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "native/ops/optimizer.h"

namespace facenet::cuda {

// Neighbouring weights that are updated alike. The offset is a multiple of 4.
struct WeightChunk {
  int64_t offset;
  int32_t count;  // at most kChunkWeights
  float decay;
};
constexpr int32_t kChunkWeights = 1 << 13;

// Vectors on the device at multiples of 16 bytes; a slot that the optimiser does not have is null.
struct WeightVectors {
  float* weights;
  const float* gradients;
  float* slots[2];
};

// The bits of reference::optimize for all chunks, device memory. Asynchronous on `stream`; throws where the
// launch fails.
void optimizeChunks(const Optimizer& optimizer, const Update& update, const WeightVectors& vectors,
                    const WeightChunk* chunks, int64_t count, cudaStream_t stream);

// The L2 norm of the chunks' gradients in fp64, at sums[count]; `sums` has count + 1 elements. Sums are cut by
// the chunks alone and added in a fixed order. Asynchronous on `stream`.
void gradientNorm(const float* gradients, const WeightChunk* chunks, int64_t count, double* sums,
                  cudaStream_t stream);

}  // namespace facenet::cuda
