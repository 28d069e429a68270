#include "native/backends/cpu/search/int8_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "native/backends/cpu/search/bound.h"
#include "native/core/integers.h"

namespace facenet::cpu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int64_t kTileQueries = 2 * kInt8Lanes;

}  // namespace

Int8Queries::Int8Queries(const TopK& task, const Queries& queries)
    : tiles(ceilDivide(queries.padded(), kTileQueries)) {
  const int64_t groups = ceilDivide<int64_t>(task.dimensions, 4);
  packed = alignedArray<uint8_t>(queries.padded() * groups * 4);
  std::fill_n(packed.get(), queries.padded() * groups * 4, uint8_t{128});
  for (int64_t begin = 0; begin < queries.padded(); begin += kTileQueries) {
    Tile& tile = tiles[static_cast<size_t>(begin / kTileQueries)];
    const int64_t width = queries.vectors(begin) * kInt8Lanes, end = std::min(begin + width, queries.count);
    float most = 0;
    for (int64_t query = begin; query < end; ++query)
      for (int64_t k = 0; k < task.dimensions; ++k)
        most = std::max(most, std::abs(queries.centered(query)[k]));
    tile = {most / 127, 0, 0};
    if (!(tile.scale >= kInt8MinScale)) tile.scale = 0;
    if (tile.scale == 0) continue;
    for (int64_t query = begin; query < end; ++query) {
      uint8_t* const out = packed.get() + begin * groups * 4 + (query - begin) * 4;
      double rest = 0;
      for (int64_t k = 0; k < task.dimensions; ++k) {
        const float x = queries.centered(query)[k];
        const auto integer = std::clamp<int>(static_cast<int>(std::lrint(x / tile.scale)), -127, 127);
        const double left = x - static_cast<double>(tile.scale) * integer;
        rest += left * left;
        out[k / 4 * width * 4 + k % 4] = static_cast<uint8_t>(integer + 128);
      }
      tile.rest = std::max(tile.rest, std::sqrt(rest) * 1.001);
      tile.longest = std::max(tile.longest, std::sqrt(queries.square(query)) * 1.001);
    }
  }
}

Int8Filter::Int8Filter(const TopK& task, const Queries& queries, const Int8Queries& packed,
                       const std::vector<float>& center)
    : kernels_(*int8Kernels()),
      task_(task),
      queries_(queries),
      packed_(packed),
      center_(center),
      slack_(slackOf(task.dimensions)),
      layout_(task.dimensions),
      block_(alignedArray<std::byte>(task.index ? 0 : layout_.blockBytes())),
      starts_(kInt8BlockRows),
      limits_(kTileQueries),
      hits_(queries.count <= kInt8FewQueries ? kInt8BlockRows : 0),
      cuts_(roundUp(queries.padded(), kTileQueries), infinity) {
  std::fill_n(cuts_.begin(), queries.count, -infinity);
}

void Int8Filter::enterBlock(int64_t first, int64_t rows) {
  count_ = rows;
  if (task_.index) {
    rows_ = layout_.read(layout_.block(task_.index, first / kInt8BlockRows));
  } else {
    layout_.write(task_.gallery + first * task_.dimensions, rows, center_.data(), block_.get());
    rows_ = layout_.read(block_.get());
  }
}

void Int8Filter::enterQueries(int64_t query) {
  const Int8Queries::Tile& tile = packed_.tiles[static_cast<size_t>(query / kTileQueries)];
  const double product = static_cast<double>(tile.scale) * rows_.scale;
  factor_ = product > 0 ? 1 / product : 0;
  if (factor_ == 0) return;
  kernels_.scaleCuts(cuts_.data() + query, kTileQueries, factor_, limits_.data());
  kernels_.startSums(rows_, count_, (1 - slack_) / 2, tile.longest, tile.rest, factor_, starts_.data());
  if (!hits_.empty())
    kernels_.blockAbove(rows_.tiles, layout_.groups(), packed_.packed.get(), queries_.count, starts_.data(),
                        limits_.data(), hits_.data());
}

bool Int8Filter::reach(int64_t query, int64_t row, uint32_t* hits) const {
  if (factor_ == 0) {  // whoever is asked for, and all rows
    const int64_t queries = std::min(queries_.count - query, kTileQueries);
    std::fill_n(hits, kInt8TileRows, queries == 32 ? ~0u : (1u << queries) - 1);
    return true;
  }
  if (!hits_.empty()) {
    std::copy_n(hits_.data() + row, kInt8TileRows, hits);
    return std::any_of(hits, hits + kInt8TileRows, [](uint32_t bits) { return bits != 0; });
  }
  return kernels_.rowsAbove(rows_.tiles + row * layout_.groups() * 4, layout_.groups(),
                            packed_.packed.get() + query * layout_.groups() * 4, queries_.vectors(query),
                            starts_.data() + row, limits_.data(), hits);
}

void Int8Filter::setLimit(int64_t query, float distance) {
  double& cut = cuts_[static_cast<size_t>(query)];
  cut = ((1 - slack_) * queries_.square(query) - distance) / 2 - kUnderflow;
  if (factor_ > 0) kernels_.scaleCuts(&cut, 1, factor_, limits_.data() + query % kTileQueries);
}

}  // namespace facenet::cpu
