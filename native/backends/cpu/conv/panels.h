// Weights of a GEMM, packed in the order the tile kernel reads them, and the tiles that go with them.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"

namespace facenet::cpu {

constexpr int64_t kMaxTileRows = 14;

// How columns are cut into panels: threes, with twos for the remainder, and wide tiles; for up to two or
// exactly four vectors, twos and tall tiles, which waste less there.
std::vector<int64_t> choosePanels(int64_t vectors);
int64_t chooseRows(int64_t vectors);

// Panels of depth x width values.
class GemmWeights {
 public:
  GemmWeights() = default;
  // value(k, lane) is the weight of term k of the sum in output lane `lane`, 0 where the lane has no channel.
  GemmWeights(int64_t depth, int64_t vectors, const std::function<float(int64_t k, int64_t lane)>& value);

  // Output pixels a tile.
  int64_t rows() const { return rows_; }
  // One panel against the tile's pixels: fills in weights, vectors and columns.
  void multiply(GemmTile tile, const GemmColumn* columns, size_t panel) const {
    tile.weights = data_.get() + first_[panel] * isa().lanes * depth_;
    tile.vectors = panels_[panel];
    tile.columns = columns + first_[panel];
    isa().gemmTile(tile);
  }
  size_t panels() const { return panels_.size(); }
  std::string describe() const { return text(rows_, "x", panels_[0] * isa().lanes, " ", isa().name); }

 private:
  int64_t depth_ = 0, rows_ = 0;
  std::vector<int64_t> panels_, first_;  // vectors a panel, and those before it
  AlignedArray<float> data_;
};

}  // namespace facenet::cpu
