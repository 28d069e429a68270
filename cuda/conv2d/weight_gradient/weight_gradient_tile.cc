// The rates are round numbers of a device of the size of an H200 and were not fitted to measurements; only
// their proportions matter.
#include "cuda/conv2d/weight_gradient/weight_gradient_tile.h"

#include <algorithm>
#include <limits>

#include "cuda/conv2d/common/tile.h"
#include "cuda/conv2d/weight_gradient/gradient_tiles.h"
#include "native/core/error.h"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

// Per clock and multiprocessor.
constexpr double kMmaMultiplyAdds = 1280;  // mma.sync of 16-bit elements
constexpr double kMultiplyAdds = 128;      // of fp32
constexpr double kSharedBytes = 128;
constexpr double kGlobalBytes = 40;  // from the L2 cache

// Fewer pixels per split would leave a block mostly starting and storing; more splits take longer to add up
// than they save.
constexpr int64_t kMinSplitPixels = 256, kMaxSplits = 128;

// Clocks of a multiprocessor for the pixels of a stage. What is padded counts like the rest.
double stageClocks(const GradientTile& t, DType dtype) {
  const double products = double(t.rows) * t.columns * t.pixels, warps = t.threads() / 32;
  const auto bytes = static_cast<double>(byteSize(dtype));
  const double fragments = warps * (t.warpRows + t.warpColumns) * t.pixels * bytes;
  const double copied = double(t.rows + t.columns) * t.pixels * bytes;
  const double rate = dtype == DType::f32 ? kMultiplyAdds : kMmaMultiplyAdds;
  return std::max({products / rate, fragments / kSharedBytes, copied / kGlobalBytes});
}

int64_t tilesOf(const GradientProduct& p, const GradientTile& t) {
  return ceilDivide(p.rows, t.rows) * ceilDivide(p.columns, t.columns) * p.groups;
}

}  // namespace

const std::vector<GradientTile>& gradientTiles(DType dtype) {
  return dtype == DType::f32 ? F32GradientTiles::table() : MmaGradientTiles::table();
}

GradientTile gradientTile(const GradientProduct& product) {
  GradientTile best{};
  double least = std::numeric_limits<double>::infinity();
  for (const GradientTile& tile : gradientTiles(product.dtype)) {
    if (!product.direct && (tile.rows != 64 || tile.columns != 64)) continue;
    const double clocks =
        static_cast<double>(tilesOf(product, tile)) * stageClocks(tile, product.dtype) / tile.pixels;
    if (clocks < least) least = clocks, best = tile;
  }
  return best;
}

int64_t gradientSplits(const GradientProduct& product) {
  GradientProduct direct = product;
  direct.direct = true;
  const GradientTile tile = gradientTile(direct);
  const int64_t wanted = kTrainingDevice.multiprocessors * tile.blocks / tilesOf(direct, tile);
  const int64_t bytes = product.groups * product.rows * product.columns * 4;
  const int64_t maxSplits = std::min({kMaxSplits, product.pixels / kMinSplitPixels, kMaxSplitBytes / bytes});
  return std::max<int64_t>(std::min(wanted, maxSplits), 1);
}

int64_t sharedBytesOf(const GradientTile& tile, DType dtype) {
  return int64_t{tile.stages} * (tile.rows + tile.columns) * tile.pixels *
         static_cast<int64_t>(byteSize(dtype));
}

std::string describe(const GradientProduct& product) {
  const GradientTile t = gradientTile(product);
  const int64_t splits = gradientSplits(product);
  return text("gradient ", product.dtype == DType::f32 ? "fma f32 " : "mma bf16 ", t.rows, "x", t.columns,
              "x", t.pixels, ", ", t.stages, " stages", splits > 1 ? text(", ", splits, " splits") : "");
}

}  // namespace facenet::cuda
