// Weights of a GEMM, packed in the order the tile kernel reads them.
#pragma once

#include <algorithm>
#include <functional>

#include "core/aligned.h"
#include "cpu/kernels.h"

namespace facenet::cpu {

// Panels of isa().panelVectors vectors (the last one may have one less): depth x panel width values each.
class GemmWeights {
 public:
  GemmWeights() = default;
  // value(k, lane) is the weight of term k of the sum in output lane `lane`, 0 where the lane has no channel.
  GemmWeights(int64_t depth, int64_t vectors, const std::function<float(int64_t k, int64_t lane)>& value);

  int64_t panels() const { return (vectors_ + isa().panelVectors - 1) / isa().panelVectors; }
  int64_t panelVectors(int64_t panel) const {
    return std::min<int64_t>(isa().panelVectors, vectors_ - panel * isa().panelVectors);
  }
  const float* panel(int64_t panel) const {
    return data_.get() + panel * isa().panelVectors * isa().lanes * depth_;
  }
  int64_t bytes() const { return depth_ * vectors_ * isa().lanes * 4; }

 private:
  int64_t depth_ = 0, vectors_ = 0;
  AlignedArray<float> data_;
};

inline GemmWeights::GemmWeights(int64_t depth, int64_t vectors,
                                const std::function<float(int64_t, int64_t)>& value)
    : depth_(depth), vectors_(vectors), data_(alignedArray<float>(depth * vectors * isa().lanes)) {
  float* out = data_.get();
  for (int64_t p = 0; p < panels(); ++p) {
    const int64_t first = p * isa().panelVectors * isa().lanes, width = panelVectors(p) * isa().lanes;
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t lane = 0; lane < width; ++lane) *out++ = value(k, first + lane);
  }
}

}  // namespace facenet::cpu
