// What is computed on finished embeddings, outside any graph. Rows are dense fp32, `dimensions` floats each.
//   l2NormalizeRows    out[r] = x[r] / max(||x[r]||_2, epsilon); out may be x.
//   pairwiseDistances  out[i * m + j] = ||a[i] - b[j]||_2^2, clamped at zero: the paper's squared L2 distance,
//                      which lies in [0, 4] for rows of unit length.
#pragma once

#include <cstdint>

namespace facenet {

namespace reference {
void l2NormalizeRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out);
void pairwiseDistances(const float* a, int64_t n, const float* b, int64_t m, int64_t dimensions, float* out);
}  // namespace reference

namespace cpu {
void l2NormalizeRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out);
void pairwiseDistances(const float* a, int64_t n, const float* b, int64_t m, int64_t dimensions, float* out);
}  // namespace cpu

}  // namespace facenet
