// Updates of ops/optimizer.h over many pieces of one vector in one launch, and the norm of a gradient.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "native/ops/optimizer.h"

namespace facenet::cuda {

// Neighbouring weights that are updated alike. The offset is a multiple of 4.
struct WeightPiece {
  int64_t offset;
  int32_t count;  // at most kPieceWeights
  float decay;
};
constexpr int32_t kPieceWeights = 1 << 13;

// Vectors on the device at multiples of 16 bytes; a slot that the optimiser does not have is null.
struct WeightVectors {
  float* weights;
  const float* gradients;
  float* slots[2];
};

// The bits of reference::optimize for all pieces, device memory. Asynchronous on `stream`; throws where the
// launch fails.
void optimizePieces(const Optimizer& optimizer, const Update& update, const WeightVectors& vectors,
                    const WeightPiece* pieces, int64_t count, cudaStream_t stream);

// The L2 norm of the pieces' gradients in fp64, at sums[count]; `sums` has count + 1 elements. Sums are cut by
// the pieces alone and added in a fixed order. Asynchronous on `stream`.
void gradientNorm(const float* gradients, const WeightPiece* pieces, int64_t count, double* sums,
                  cudaStream_t stream);

}  // namespace facenet::cuda
