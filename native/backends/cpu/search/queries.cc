#include "native/backends/cpu/search/queries.h"

#include <algorithm>

#include "native/backends/cpu/isa.h"
#include "native/core/integers.h"

namespace facenet::cpu {

std::vector<float> centerOf(const float* gallery, int64_t rows, int64_t dimensions) {
  const int64_t samples = std::min<int64_t>(rows, 256);
  std::vector<double> sums(dimensions);
  for (int64_t i = 0; i < samples; ++i) {
    const float* row = gallery + rows / samples * i * dimensions;
    for (int64_t k = 0; k < dimensions; ++k) sums[k] += row[k];
  }
  std::vector<float> center(dimensions);
  for (int64_t k = 0; k < dimensions; ++k)
    center[k] = static_cast<float>(sums[k] / static_cast<double>(samples));
  return center;
}

Queries::Queries(const TopK& task, int64_t first, int64_t count, const std::vector<float>& center)
    : first(first), count(count), dimensions_(task.dimensions), padded_(roundUp(count, isa().lanes)) {
  const int64_t lanes = isa().lanes;
  centered_ = alignedArray<float>(padded_ * dimensions_);
  plain_ = alignedArray<float>(padded_ * dimensions_);
  squares_.assign(padded_, 0);
  for (int64_t query = 0; query < padded_; ++query) {
    float* centered = centered_.get() + query * dimensions_;
    float* plain = plain_.get() + query / lanes * dimensions_ * lanes + query % lanes;
    for (int64_t k = 0; k < dimensions_; ++k) {
      const float x = query < count ? task.queries[(first + query) * dimensions_ + k] : 0;
      const float moved = query < count ? x - center[k] : 0;
      plain[k * lanes] = x;
      centered[k] = moved;
      squares_[query] += static_cast<double>(moved) * moved;
    }
  }
}

int64_t Queries::vectors(int64_t begin) const {
  return padded_ - begin > isa().lanes ? 2 : 1;
}

}  // namespace facenet::cpu
