// cross_covariance_attention (ops/cross_covariance_attention.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/cross_covariance_attention.h"

namespace facenet::cuda {

// One scale a head, or one for all of them.
struct HeadScale {
  const float* values;
  bool one;
};

// Views of device memory of one count and shape: f32, bf16 or f16. What lies between the pixels of outputs is left alone.
// Sums are in fp32. Asynchronous on `stream`; throws where a launch fails.
int64_t attentionScratch(const CrossCovarianceAttention& op, int64_t count, const Shape& shape);
void attention(const CrossCovarianceAttention& op, HeadScale scale, const View& q, const View& k,
               const View& v, const View& y, void* scratch, cudaStream_t stream);

// A gradient that is overwritten, or added to where `accumulate`; without data it is not wanted.
struct AttentionGradient {
  View view;
  bool accumulate;
};
struct AttentionGradients {
  AttentionGradient q, k, v;
  float* scale;  // added to; null: not wanted
};

int64_t attentionGradientScratch(const CrossCovarianceAttention& op, int64_t count, const Shape& shape);
void attentionGradient(const CrossCovarianceAttention& op, HeadScale scale, const View& q, const View& k,
                       const View& v, const View& dy, const AttentionGradients& gradients, void* scratch,
                       cudaStream_t stream);

}  // namespace facenet::cuda
