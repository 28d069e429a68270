// The hinge triplet loss and its gradient, as the formulas read.
#include <algorithm>
#include <map>

#include "native/backends/reference/backend.h"

namespace facenet::reference {

LossValue tripletLoss(const float* x, int64_t n, const TripletsView& triplets, const TripletLoss& loss,
                      float* gradient) {
  const int64_t dimensions = loss.dimensions;
  const auto distance = [&](int64_t i, int64_t j) {
    return squaredDistance(x + i * dimensions, x + j * dimensions, dimensions);
  };
  LossValue value{0, 0};
  std::vector<std::map<int64_t, int64_t>> counts(static_cast<size_t>(n));  // c(i, j)
  for (int64_t t = 0; t < triplets.count; ++t) {
    if (t % 4096 == 0) loss.throwIfCancelled();
    const int64_t a = triplets.anchors[t], p = triplets.positives[t], m = triplets.negatives[t];
    const float hinge = (distance(a, p) + loss.margin) - distance(a, m);
    if (!(hinge > 0)) continue;
    value.loss += hinge;
    ++value.active;
    ++counts[a][m], --counts[a][p];
    ++counts[p][p], --counts[p][a];
    ++counts[m][a], --counts[m][m];
  }

  for (int64_t i = 0; i < n; ++i) {
    float* row = gradient + i * dimensions;
    std::fill_n(row, dimensions, 0.0f);
    for (const auto& [j, count] : counts[i]) {
      if (count == 0) continue;
      for (int64_t k = 0; k < dimensions; ++k)
        row[k] = std::fma(static_cast<float>(count), x[j * dimensions + k], row[k]);
    }
    for (int64_t k = 0; k < dimensions; ++k) row[k] *= 2;
  }
  return value;
}

}  // namespace facenet::reference
