// What is computed on finished embeddings, outside any graph.

#include <algorithm>
#include <cmath>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"
#include "native/core/cancel.h"

namespace facenet::cpu {
namespace {

constexpr int64_t kRows = 128;  // of distances, between two looks at the flag

}  // namespace

void CpuBackend::l2Normalize(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out,
                             const std::atomic<int32_t>* cancel) const {
  for (int64_t r = 0; r < rows; ++r, x += dimensions, out += dimensions) {
    throwIfCancelled(cancel);
    double sum = 0;
    for (int64_t k = 0; k < dimensions; ++k) sum += static_cast<double>(x[k]) * x[k];
    const double norm = std::max(std::sqrt(sum), static_cast<double>(epsilon));
    for (int64_t k = 0; k < dimensions; ++k) out[k] = static_cast<float>(x[k] / norm);
  }
}

void CpuBackend::pairwiseDistances(const float* a, int64_t n, const float* b, int64_t m, int64_t dimensions,
                                   float* out, const std::atomic<int32_t>* cancel) const {
  // b by blocks of one vector of rows, transposed, so that lanes are rows; the last block is filled up with
  // zeros.
  const int64_t lanes = isa().lanes, padded = roundUp(m, lanes);
  const AlignedArray<float> packed = alignedArray<float>(padded * dimensions);
  for (int64_t j = 0; j < padded; ++j)
    for (int64_t k = 0; k < dimensions; ++k)
      packed[static_cast<size_t>((j / lanes * dimensions + k) * lanes + j % lanes)] =
          j < m ? b[j * dimensions + k] : 0;
  for (int64_t i = 0; i < n; i += kRows) {
    throwIfCancelled(cancel);
    isa().pairwise(a + i * dimensions, std::min(kRows, n - i), packed.get(), m, dimensions, out + i * m);
  }
}

}  // namespace facenet::cpu
