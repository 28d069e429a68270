// Some of the queries of a search, as both filters and the exact distances read them.
#pragma once

#include <vector>

#include "native/core/aligned.h"
#include "native/ops/top_k.h"

namespace facenet::cpu {

// The mean of some rows spread over the gallery.
std::vector<float> centerOf(const float* gallery, int64_t rows, int64_t dimensions);

class Queries {
 public:
  Queries(const TopK&, int64_t first, int64_t count, const std::vector<float>& center);

  // Queries come in tiles of two vectors; what fills up the last vector is zeros.
  int64_t padded() const { return padded_; }
  int64_t vectors(int64_t begin) const;  // 1 or 2, of the tile that begins at query `begin`
  // Rows of floats.
  const float* centered(int64_t query) const { return centered_.get() + query * dimensions_; }
  // Lanes are queries: vectors of dimensions x lanes, from the one that begins at query `begin` on.
  const float* plain(int64_t begin) const { return plain_.get() + begin * dimensions_; }
  double square(int64_t query) const { return squares_[query]; }  // of the centred length

  const int64_t first, count;

 private:
  const int64_t dimensions_, padded_;
  AlignedArray<float> centered_, plain_;
  std::vector<double> squares_;
};

}  // namespace facenet::cpu
