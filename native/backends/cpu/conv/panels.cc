#include "native/backends/cpu/conv/panels.h"

#include <algorithm>

#include "native/core/error.h"

namespace facenet::cpu {

// Threes, with twos for the remainder, and wide tiles; for up to two or exactly four vectors, twos and tall tiles,
// which waste less there.
Panels::Panels(int64_t vectors) : vectors_(vectors) {
  const bool tall = vectors <= 2 || vectors == 4;
  tileRows_ = tall ? isa().tallRows : isa().wideRows;
  FACENET_ASSERT(tileRows_ <= kMaxTileRows);
  for (int64_t first = 0; first < vectors;) {
    // Of what is left, as the first panels of as many vectors would be.
    const int64_t left = vectors - first;
    panels_.push_back({first, std::min<int64_t>(left, left <= 2 || left == 4 ? 2 : 3)});
    first += panels_.back().vectors;
  }
}

int64_t Panels::of(int64_t vector) const {
  int64_t panel = count() - 1;
  while (first(panel) > vector) --panel;
  return panel;
}

std::string Panels::describe() const {
  return text(tileRows_, "x", vectors(0) * lanes(), " ", isa().name);
}

}  // namespace facenet::cpu
