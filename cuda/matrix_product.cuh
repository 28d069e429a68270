// Products of dense fp32 matrices, in fused multiply-adds: of similarities, and of their gradients.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace facenet::cuda {

// A factor of `count` vectors. Element k of vector i is data[i * stride + k] where it is `alongDepth`, else data[k * stride + i].
struct Factor {
  const float* data;
  int64_t count, stride;
  bool alongDepth;
};

// Of how many parts each sum is made (split-K): from shapes alone, so that sums always have the same order.
int64_t productSplits(int64_t rows, int64_t columns, int64_t depth);

// out[i, j], dense a.count x b.count, = or += the sum over k < depth of a(i, k) b(j, k): chains ascending over k, one for each
// part, and these added in their order. `parts`: productSplits matrices like `out` where there is more than one. At least one of a
// and b not being `alongDepth`, it is b. Asynchronous on `stream`; throws where a launch fails.
void multiply(const Factor& a, const Factor& b, int64_t depth, bool add, float* parts, float* out,
              cudaStream_t stream);

}  // namespace facenet::cuda
