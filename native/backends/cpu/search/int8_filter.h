// Says by dot products of 8-bit integers which rows may be among a query's nearest. A query is q' = a * p + r, a row
// g' = b * m + s, with whole numbers p and m of at most 127 and rests r and s, so
//     q' * g' <= a b (p * m) + |q'| |s| + |r| |b m|,
// and a row is left out (bound.h) where the integer p * m is at most
//     ((1 - slack) (|q'|^2 + |g'|^2) - limit) / 2 - |q'| |s| - |r| |b m|,   all over a b.
// Queries of a tile share a and rows of a block share b, so that this is a number per query plus one per row. Both are
// computed in fp64 and lowered by 1 or 2, which is more than they are wrong by; |s|, |r| and |b m| are rounded up.
// Of unit-length rows of 128 floats the rests are about 0.01, so few rows are let through that need not be.
#pragma once

#include <vector>

#include "native/backends/cpu/search/int8_index.h"
#include "native/backends/cpu/search/queries.h"
#include "native/core/aligned.h"

namespace facenet::cpu {

// The queries as the kernel reads them, for all threads.
struct Int8Queries {
  Int8Queries(const TopK&, const Queries&);
  struct Tile {
    float scale;           // a; 0: the queries are not told apart from any row
    double longest, rest;  // the most of |q'| and of |r|
  };
  AlignedArray<uint8_t> packed;  // tiles of groups x vectors x lanes x 4, with 128 added
  std::vector<Tile> tiles;
};

// Of one thread. Rows pass by in blocks, which stay in cache while all queries pass.
class Int8Filter {
 public:
  Int8Filter(const TopK& task, const Queries& queries, const Int8Queries& packed,
             const std::vector<float>& center);

  static int64_t tileRows() { return kInt8TileRows; }
  static int64_t blockRows() { return kInt8BlockRows; }

  void enterBlock(int64_t first, int64_t rows);
  void enterQueries(int64_t query);
  // hits[i] has bit q where row + i, counted in the block, may be nearer to query + q than its limit. Whether any has.
  bool reach(int64_t query, int64_t row, uint32_t* hits) const;
  // From here on, rows have to be nearer than `distance`.
  void setLimit(int64_t query, float distance);

 private:
  const Int8Kernels& kernels_;
  const TopK& task_;
  const Queries& queries_;
  const Int8Queries& packed_;
  const std::vector<float>& center_;
  const double slack_;
  const Int8Layout layout_;
  int64_t count_ = 0;  // rows of the block
  Int8Rows rows_ = {};
  double factor_ = 0;              // 1 / (a b) of the queries and the block that were entered
  AlignedArray<std::byte> block_;  // where the gallery has no index
  std::vector<int32_t> starts_, limits_;
  std::vector<uint32_t> hits_;  // of the block, where there are few queries
  std::vector<double> cuts_;    // ((1 - slack) |q'|^2 - limit) / 2
};

}  // namespace facenet::cpu
