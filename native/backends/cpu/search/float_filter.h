// Says by dot products in fp32 which rows may be among a query's nearest.
#pragma once

#include <limits>
#include <vector>

#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/search/queries.h"
#include "native/core/aligned.h"

namespace facenet::cpu {

// The queries as the kernel reads them, for all threads.
struct FloatQueries {
  FloatQueries(const TopK&, const Queries&);
  AlignedArray<float> packed;  // tiles of dimensions x vectors x lanes
};

// Of one thread. Rows pass by in blocks, which stay in cache while all queries pass.
class FloatFilter {
 public:
  FloatFilter(const TopK& task, const Queries& queries, const FloatQueries& packed,
              const std::vector<float>& center);

  static int64_t tileRows() { return isa().tallRows; }
  static int64_t blockRows() { return 4 * tileRows(); }

  void enterBlock(int64_t first, int64_t rows);
  void enterQueries(int64_t) {}
  // hits[i] has bit q where row + i, counted in the block, may be nearer to query + q than its limit. Whether any has.
  bool reach(int64_t query, int64_t row, uint32_t* hits) const;
  // From here on, rows have to be nearer than `distance`.
  void setLimit(int64_t query, float distance);

 private:
  const TopK& task_;
  const Queries& queries_;
  const FloatQueries& packed_;
  const std::vector<float>& center_;
  const double slack_;
  AlignedArray<float> rows_;
  std::vector<float> offsets_, limits_;
};

}  // namespace facenet::cpu
