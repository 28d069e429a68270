// How the M x N product of a GEMM is cut into tiles: N output channels, in vectors of isa().lanes, into panels; M
// output pixels into tiles of as many rows as fit the registers beside a panel.
#pragma once

#include <vector>

#include "native/backends/cpu/isa.h"

namespace facenet::cpu {

constexpr int64_t kMaxTileRows = 14;

inline int64_t lanes() {
  return isa().lanes;
}

// Packed weights lie panel by panel, and within a panel as K rows of its vectors: K x N values in all.
class Panels {
 public:
  explicit Panels(int64_t vectors);

  int64_t vectors() const { return vectors_; }
  int64_t columns() const { return vectors_ * lanes(); }
  int64_t tileRows() const { return tileRows_; }
  int64_t count() const { return static_cast<int64_t>(panels_.size()); }
  int64_t first(int64_t panel) const { return panels_[static_cast<size_t>(panel)].first; }  // vector
  int64_t vectors(int64_t panel) const { return panels_[static_cast<size_t>(panel)].vectors; }
  // The panel of a vector.
  int64_t of(int64_t vector) const;

  // A tile against one panel: fills in tapStride, weights, vectors and columns.
  void multiply(int64_t panel, GemmTile tile, const float* packed, const GemmColumn* columns) const {
    const auto& [first, vectors] = panels_[static_cast<size_t>(panel)];
    tile.tapStride = tileRows_;
    tile.weights = packed + first * lanes() * tile.taps * tile.run;
    tile.vectors = vectors;
    tile.columns = columns + first;
    isa().gemmTile(tile);
  }

  // "14x32 avx512"
  std::string describe() const;

 private:
  struct Panel {
    int64_t first, vectors;
  };
  int64_t vectors_, tileRows_;
  std::vector<Panel> panels_;
};

}  // namespace facenet::cpu
