// Operations on embeddings (ops/embeddings.h) on a CUDA device, from and to host memory.
#pragma once

#include <cstdint>

namespace facenet::cuda {

void l2NormalizeHostRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out);

}  // namespace facenet::cuda
