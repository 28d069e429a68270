#include "native/backends/cpu/search/float_filter.h"

#include <algorithm>
#include <cmath>

#include "native/backends/cpu/search/bound.h"

namespace facenet::cpu {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

}  // namespace

FloatQueries::FloatQueries(const TopK& task, const Queries& queries)
    : packed(alignedArray<float>(queries.padded() * task.dimensions)) {
  const int64_t lanes = isa().lanes;
  for (int64_t query = 0; query < queries.padded(); ++query) {
    const int64_t tile = query / (2 * lanes) * (2 * lanes), width = queries.vectors(tile) * lanes;
    float* out = packed.get() + tile * task.dimensions + query - tile;
    for (int64_t k = 0; k < task.dimensions; ++k) out[k * width] = queries.centered(query)[k];
  }
}

FloatFilter::FloatFilter(const TopK& task, const Queries& queries, const FloatQueries& packed,
                         const std::vector<float>& center)
    : task_(task),
      queries_(queries),
      packed_(packed),
      center_(center),
      slack_(slackOf(task.dimensions)),
      rows_(alignedArray<float>(blockRows() * task.dimensions)),
      offsets_(blockRows()),
      limits_(queries.padded(), infinity) {
  std::fill_n(limits_.begin(), queries.count, -infinity);
  std::fill_n(rows_.get(), blockRows() * task.dimensions, 0.0f);
}

void FloatFilter::enterBlock(int64_t first, int64_t rows) {
  const auto factor = static_cast<float>((slack_ - 1) / 2);
  isa().centerRows(task_.gallery + first * task_.dimensions, rows, task_.dimensions, center_.data(), factor,
                   rows_.get(), offsets_.data());
}

bool FloatFilter::reach(int64_t query, int64_t row, uint32_t* hits) const {
  return isa().rowsInReach(rows_.get() + row * task_.dimensions, task_.dimensions,
                           packed_.packed.get() + query * task_.dimensions, queries_.vectors(query),
                           offsets_.data() + row, limits_.data() + query, hits);
}

// What the dot product, with the row's part of S taken away, must be above.
void FloatFilter::setLimit(int64_t query, float distance) {
  const double exact = (queries_.square(query) * (1 - slack_) - distance) / 2 - kUnderflow;
  limits_[query] = std::nextafter(static_cast<float>(exact), -infinity);
}

}  // namespace facenet::cpu
