// Row normalisation and pairwise distances, as the formulas read.
#include <algorithm>
#include <cmath>

#include "native/backends/reference/backend.h"
#include "native/core/cancel.h"

namespace facenet::reference {

void ReferenceBackend::l2Normalize(const float* x, int64_t rows, int64_t dimensions, float epsilon,
                                   float* out, const std::atomic<int32_t>* cancel) const {
  for (int64_t r = 0; r < rows; ++r) {
    throwIfCancelled(cancel);
    double squares = 0;
    for (int64_t d = 0; d < dimensions; ++d) {
      const double value = x[r * dimensions + d];
      squares += value * value;
    }
    const double norm = std::max(std::sqrt(squares), static_cast<double>(epsilon));
    for (int64_t d = 0; d < dimensions; ++d)
      out[r * dimensions + d] = static_cast<float>(x[r * dimensions + d] / norm);
  }
}

void ReferenceBackend::pairwiseDistances(const DistanceTask& task, float* out) const {
  for (int64_t i = 0; i < task.n; ++i) {
    task.throwIfCancelled();
    for (int64_t j = 0; j < task.m; ++j) {
      double sum = 0;
      for (int64_t d = 0; d < task.dimensions; ++d) {
        const double difference =
            static_cast<double>(task.a[i * task.dimensions + d]) - task.b[j * task.dimensions + d];
        sum += difference * difference;
      }
      out[i * task.m + j] = static_cast<float>(sum);
    }
  }
}

}  // namespace facenet::reference
