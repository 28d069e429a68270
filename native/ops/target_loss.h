// How far embeddings are from others that they are to be as good as equal to, such as a teacher's of the same images: the mean over
// the n rows x[i] and their targets t[i] of a squared distance, and its gradient.
//   squared L2    L = 1/n sum |x[i] - t[i]|^2                dL/dx[i] = 2/n (x[i] - t[i])
//   of directions L = 1/n sum |u[i] - v[i]|^2 = 1/n sum (2 - 2 c[i]),  u = x / |x|, v = t / |t|, c = u . v
//                                                            dL/dx[i] = -2/n (v[i] - c[i] u[i]) / |x[i]|
// A row shorter than 1e-12 is divided by that. Distances of embeddings decide who is who, so what is near its target in them is
// compared with the same gallery (distillation of embeddings: Romero et al., FitNets, ICLR 2015, without the mapping between).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace facenet {

// Rows are dense fp32. `gradient` is not overwritten: weight * dL/dx is added to it. Sums are in fp64, in the order of the elements.
inline double addTargetLoss(const float* x, const float* targets, int64_t n, int64_t dimensions,
                            bool directions, double weight, float* gradient) {
  double loss = 0;
  const double share = 2 * weight / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) {
    const float *row = x + i * dimensions, *target = targets + i * dimensions;
    float* out = gradient + i * dimensions;
    if (!directions) {
      for (int64_t k = 0; k < dimensions; ++k) {
        const double difference = static_cast<double>(row[k]) - target[k];
        loss += difference * difference;
        out[k] = static_cast<float>(out[k] + share * difference);
      }
      continue;
    }
    double own = 0, other = 0, dot = 0;
    for (int64_t k = 0; k < dimensions; ++k) {
      own += static_cast<double>(row[k]) * row[k];
      other += static_cast<double>(target[k]) * target[k];
      dot += static_cast<double>(row[k]) * target[k];
    }
    const double length = std::max(std::sqrt(own), 1e-12), ofTarget = std::max(std::sqrt(other), 1e-12);
    const double cosine = dot / (length * ofTarget);
    loss += 2 - 2 * cosine;
    for (int64_t k = 0; k < dimensions; ++k)
      out[k] =
          static_cast<float>(out[k] - share * (target[k] / ofTarget - cosine * row[k] / length) / length);
  }
  return loss / static_cast<double>(n);
}

}  // namespace facenet
