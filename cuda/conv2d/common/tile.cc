// The choice of tiles, by a model of one multiprocessor. Its rates are round numbers of a device of the size of
// an H200 and were not fitted to measurements; only their proportions matter.
#include "cuda/conv2d/common/tile.h"

#include <algorithm>
#include <limits>

#include "cuda/conv2d/forward/mma_tiles.h"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

// Per clock and multiprocessor.
constexpr double kMultiplyAdds = 1280;  // mma.sync of 16-bit elements
constexpr double kSharedBytes = 128;    // ldmatrix
constexpr double kGlobalBytes = 40;     // from the L2 cache
constexpr double kStoredBytes = 20;     // to memory
// Clocks.
constexpr double kFill = 1500;        // a block's start, its first copies and its last stores
constexpr double kLatency = 700;      // of a copy; each stage in flight hides its share
constexpr double kSecondPass = 4000;  // the launch that adds splits up

// Work of a step of a tile for one multiprocessor. What is padded counts like the rest: an empty row costs as
// much as a full one, which is what keeps 192 columns from tiles of 128.
double stepClocks(const ConvTile& t) {
  const double products = double(t.rows) * t.columns * t.terms;
  const double warps = double(t.rows / t.warpRows) * (t.columns / t.warpColumns);
  const double fragmentBytes = warps * (t.warpRows + t.warpColumns) * t.terms * 2;
  const double tileBytes = double(t.rows + t.columns) * t.terms * 2;
  return std::max({products / kMultiplyAdds, fragmentBytes / kSharedBytes, tileBytes / kGlobalBytes});
}

// Clocks of the busiest multiprocessor. It has a whole number of blocks, so a grid that fills the last wave
// poorly pays for it. Its blocks share its units and hide each other's latency, but a block alone still has to
// wait for every step.
double clocks(const ConvProduct& p, const MmaShape& shape, int64_t splits, const ConvDevice& device) {
  const ConvTile& t = shape.tile;
  const int64_t resident =
      std::clamp<int64_t>(device.sharedBytes / (sharedBytesOf(t) + 1024), 1, shape.blocks);
  const int64_t tiles = ceilDivide(p.pixels, t.rows) * ceilDivide(p.columns, t.columns) * p.groups;
  const int64_t busiest = ceilDivide(tiles * splits, device.multiprocessors);
  const double steps = static_cast<double>(ceilDivide(ceilDivide(p.terms, t.terms), splits));
  const double stored = double(t.rows) * t.columns * (splits > 1 ? 4 : 2) / kStoredBytes;
  const double work = static_cast<double>(busiest) * (steps * stepClocks(t) + stored);
  const double waiting = static_cast<double>(ceilDivide(busiest, resident)) *
                         (kFill + steps * std::max(stepClocks(t), kLatency / (t.stages - 1)));
  if (splits == 1) return std::max(work, waiting);
  const double partialBytes = static_cast<double>(p.pixels * p.columns * p.groups * splits) * 4;
  return std::max(work, waiting) + kSecondPass + partialBytes / kGlobalBytes / device.multiprocessors;
}

// Splits that leave each split some steps; more than these give a block too little to do.
constexpr int64_t kMinSteps = 8, kMaxSplits = 32;

}  // namespace

const std::vector<MmaShape>& mmaShapes() {
  return MmaTiles::table();
}

int64_t sharedBytesOf(const ConvTile& tile) {
  return int64_t{tile.stages} * (tile.rows + tile.columns) * tile.terms * 2;
}

namespace {

// The fastest of all shapes with 1, 2, 4, ... splits, from minSplits to maxSplits.
ConvTile fastest(ConvProduct product, int64_t images, const ConvDevice& device, int64_t minSplits,
                 int64_t maxSplits) {
  product.pixels *= images;
  ConvTile best{};
  double least = std::numeric_limits<double>::infinity();
  for (const MmaShape& shape : mmaShapes()) {
    if (!product.direct && (shape.tile.rows != 64 || shape.tile.columns != 64)) continue;
    for (int64_t splits = minSplits; splits <= maxSplits; splits *= 2) {
      const double needed = clocks(product, shape, splits, device);
      if (needed >= least) continue;
      least = needed;
      best = shape.tile;
      best.splits = static_cast<int>(splits);
    }
  }
  return best;
}

}  // namespace

ConvTile chooseTile(const ConvProduct& image, int64_t images, const ConvDevice& device) {
  const int64_t steps = ceilDivide(image.terms, kStepTerms);
  const int64_t maxSplits = std::clamp<int64_t>(steps / kMinSteps, 1, kMaxSplits);
  const int64_t splits = fastest(image, kSplitImages, device, 1, maxSplits).splits;
  ConvTile tile = fastest(image, images, device, splits, splits);
  // Where the steps do not divide, fewer splits of as many steps may hold them all.
  tile.splits = static_cast<int>(ceilDivide(steps, ceilDivide(steps, splits)));
  return tile;
}

std::string describe(const ConvTile& tile, DType dtype) {
  return text("mma ", dtypeName(dtype), " ", tile.rows, "x", tile.columns, "x", tile.terms, ", ", tile.stages,
              " stages", tile.splits > 1 ? text(", ", tile.splits, " splits") : "");
}

}  // namespace facenet::cuda
