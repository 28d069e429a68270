// Tiles that there are kernels for, listed once as types: the table that a chooser reads and the dispatch to the
// kernels both come from the list.
#pragma once

#include <type_traits>
#include <vector>

#include "native/core/error.h"

namespace facenet::cuda {

// A tile type has kRows and kColumns, by which it is told from the others, and kTile, its row of the table.
template <class First, class... Others>
struct TileList {
  using Tile = std::remove_const_t<decltype(First::kTile)>;

  static const std::vector<Tile>& table() {
    static const std::vector<Tile> tiles{First::kTile, Others::kTile...};
    return tiles;
  }

  // run(TileType()) for the type with so many rows and columns.
  template <class Run>
  static void dispatch(int rows, int columns, Run run) {
    const bool known = (runIf<First>(rows, columns, run) || ... || runIf<Others>(rows, columns, run));
    FACENET_ASSERT(known);
  }

 private:
  template <class TileType, class Run>
  static bool runIf(int rows, int columns, Run& run) {
    if (rows != TileType::kRows || columns != TileType::kColumns) return false;
    run(TileType());
    return true;
  }
};

}  // namespace facenet::cuda
