// What weight gradients cost: instructions, bytes and bank phases against what their tiles imply.
#include "cuda/conv2d/weight_gradient/weight_gradient_tile.h"
#include "native/core/integers.h"
#include "weight_gradient.h"

namespace emulator::tests {
namespace {

using facenet::ceilDivide;

using facenet::DType;
using facenet::Shape;
using facenet::Window;
using facenet::cuda::GradientProduct;
using facenet::cuda::gradientSplits;
using facenet::cuda::GradientTile;
using facenet::cuda::gradientTile;

Window square(int64_t kernel, int64_t padding) {
  return {kernel, kernel, 1, 1, padding, padding, padding, padding, facenet::Rounding::floor};
}
Convolution convolution(const Window& window, Shape in, int64_t out, int64_t count = 1) {
  Convolution c{window, in, {out}};
  c.count = count;
  return c;
}

struct Cost {
  Counters counted;
  GradientProduct product;
  GradientTile tile;
  int64_t splits, rowTiles, columnTiles;

  // Both operands of every tile, partial sums, and what the result is added to.
  double impliedBytes(double xBytes, double gBytes, int64_t weights) const {
    const double partial = splits > 1 || weights != product.rows * product.columns
                               ? static_cast<double>(splits * product.rows * product.columns) * 4
                               : 0;
    return static_cast<double>(rowTiles) * xBytes + static_cast<double>(columnTiles) * gBytes + partial +
           static_cast<double>(weights) * 4;
  }
};

Cost costOf(const Convolution& c, DType dtype) {
  const int64_t piece = dtype == DType::f32 ? 4 : 8;
  const GradientProduct product{c.out(), c.taps() * ceilDivide(c.in.channels, piece) * piece,
                                c.count * c.outShape().pixels(), 1, dtype};
  const GradientTile tile = gradientTile(product);
  return {weightGradientCost(c, GradientLayout::of(dtype)),
          product,
          tile,
          gradientSplits(product),
          ceilDivide(product.rows, tile.rows),
          ceilDivide(product.columns, tile.columns)};
}

void expectRatio(const char* what, double found, double implied, double most) {
  expect(found >= implied * 0.999 && found <= implied * most, what, ": ", found, ", implied ", implied);
}

void expectNoConflicts(const Counters& n) {
  expect(n.sharedPhases == n.sharedPhasesIdeal, n.sharedPhases, " phases, not ", n.sharedPhasesIdeal);
}

TEST("weight gradients take the multiply-adds of whole tiles, and no bank conflicts") {
  for (const GradientTile& t : facenet::cuda::gradientTiles(DType::bf16)) {
    const Cost cost = costOf(convolution(square(1, 0), {13, 9, t.columns}, t.rows), DType::bf16);
    expect(cost.tile.rows == t.rows && cost.tile.columns == t.columns, describe(cost.product));
    const int64_t stages = ceilDivide(13 * 9, t.pixels);
    expect(cost.counted.mma == stages * (t.rows / 16) * (t.columns / 8) * (t.pixels / 16), cost.counted.mma);
    expectNoConflicts(cost.counted);
  }
}

TEST("weight gradients in fp32 meet in no bank") {
  for (const GradientTile& t : facenet::cuda::gradientTiles(DType::f32)) {
    const Cost cost = costOf(convolution(square(1, 0), {9, 8, t.columns}, t.rows), DType::f32);
    expect(cost.tile.rows == t.rows && cost.tile.columns == t.columns, describe(cost.product));
    expectNoConflicts(cost.counted);
  }
}

TEST("weight gradients read what their tiles imply, and fill the sectors they touch") {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const int64_t rows : {32, 64, 96, 128, 192}) {
      const int64_t channels = 128, pixels = 16 * 16;
      const Cost cost = costOf(convolution(square(1, 0), {16, 16, channels}, rows), dtype);
      const double bytes = static_cast<double>(byteSize(dtype)) * pixels;
      expectRatio("bytes read", static_cast<double>(cost.counted.globalBytesRead),
                  cost.impliedBytes(bytes * channels, bytes * static_cast<double>(rows), rows * channels),
                  1.01);
      expect(cost.counted.globalBytesWritten == rows * channels * 4, cost.counted.globalBytesWritten);
      expectRatio("sectors", static_cast<double>(cost.counted.globalSectors),
                  static_cast<double>(cost.counted.globalSectorsIdeal), 1.02);
    }
}

// What lies outside the image is not read: along each axis of 16 x 3 taps two.
TEST("weight gradients of padded windows in splits read nothing outside the image") {
  const int64_t channels = 64, rows = 64, pixels = 2 * 16 * 16;
  const Cost cost = costOf(convolution(square(3, 1), {16, 16, channels}, rows, 2), DType::bf16);
  expect(cost.splits == 2, cost.splits);
  const double x = pixels * 9.0 * channels * 2 * (46.0 / 48) * (46.0 / 48), g = pixels * rows * 2.0;
  expectRatio("bytes read", static_cast<double>(cost.counted.globalBytesRead),
              cost.impliedBytes(x, g, rows * channels * 9), 1.01);
  expectRatio("sectors", static_cast<double>(cost.counted.globalSectors),
              static_cast<double>(cost.counted.globalSectorsIdeal), 1.02);
  // The second pass turns channels and taps about; the product itself meets in no bank.
  expectRatio("phases", static_cast<double>(cost.counted.sharedPhases),
              static_cast<double>(cost.counted.sharedPhasesIdeal), 1.1);
}

}  // namespace
}  // namespace emulator::tests
