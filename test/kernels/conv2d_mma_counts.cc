// What convolutions on tensor cores cost: instructions, bytes and bank phases against what their tiles imply.
#include "conv2d_mma.h"
#include "native/core/integers.h"

namespace emulator::tests {
namespace {

using facenet::ceilDivide;

using facenet::DType;
using facenet::cuda::ConvTile;
using Kind = facenet::Activation::Kind;

struct Cost {
  Counters counted;
  int64_t pixels, terms, columns, rowTiles, columnTiles;
  int64_t xBytes() const { return pixels * terms * 2; }  // as a product without padding reads them once
  int64_t weightBytes() const { return columns * terms * 2; }
};

Cost costOf(const Convolution& c, const ConvTile& tile) {
  // Pixels of whole chunks, and no neighbours where the channels are that already.
  MmaLayout layout{.activations = {}};
  layout.xPadding = ceilDivide(c.in.channels, 8) * 8 - c.in.channels;
  const ConvolutionValues v = storedValues(c, layout);
  const int64_t pixels = c.count * c.outShape().pixels(), columns = ceilDivide(c.out(), 8) * 8;
  Cost cost{{},
            pixels,
            c.taps() * ceilDivide(c.in.channels, 8) * 8,
            columns,
            ceilDivide(pixels, tile.rows),
            ceilDivide(columns, tile.columns)};
  cost.counted = count([&] { runMma(c, v, layout, tile); });
  return cost;
}

TEST("an aligned product takes no multiply-add more than it has, in every tile") {
  for (const auto& shape : facenet::cuda::mmaShapes()) {
    const ConvTile& t = shape.tile;
    const Convolution c{square(1, 1, 0), {1, t.rows, 96}, {t.columns}, Kind::relu};
    const Cost cost = costOf(c, t);
    expect(cost.counted.multiplyAdds == cost.pixels * cost.terms * cost.columns, cost.counted.multiplyAdds);
    expect(cost.counted.sharedPhases == cost.counted.sharedPhasesIdeal, cost.counted.sharedPhases,
           " phases, not ", cost.counted.sharedPhasesIdeal);
  }
}

TEST("padded products take the multiply-adds of whole tiles, and no bank conflicts") {
  for (const auto& shape : facenet::cuda::mmaShapes()) {
    const ConvTile& t = shape.tile;
    const Cost cost = costOf({square(3, 1, 1), {9, 11, 35}, {50}, Kind::relu, false, 1, 2}, t);
    const int64_t steps = ceilDivide(cost.terms, t.terms), tiles = cost.rowTiles * cost.columnTiles;
    expect(cost.counted.mma == tiles * steps * (t.rows / 16) * (t.columns / 8) * (t.terms / 16),
           cost.counted.mma);
    expect(cost.counted.sharedPhases == cost.counted.sharedPhasesIdeal, cost.counted.sharedPhases,
           " phases, not ", cost.counted.sharedPhasesIdeal);
  }
}

// A tile reads its pixels and its columns once; biases come on top.
TEST("a product reads what its tiles imply, without waste") {
  for (const auto& shape : facenet::cuda::mmaShapes()) {
    const ConvTile& t = shape.tile;
    const Cost cost = costOf({square(1, 1, 0), {16, 16, 192}, {192}, Kind::relu}, t);
    const double implied =
        static_cast<double>(cost.columnTiles * cost.xBytes() + cost.rowTiles * cost.weightBytes());
    const double ratio = static_cast<double>(cost.counted.globalBytesRead) / implied;
    expect(ratio >= 1 && ratio <= 1.15, "bytes read: ", ratio, " in tile ", t.rows, "x", t.columns);
    expect(cost.counted.globalBytesWritten == cost.pixels * 192 * 2, cost.counted.globalBytesWritten);
    // Biases are read 16 of every 32 bytes at a time; nothing else touches a sector that it does not fill.
    const double sectors = static_cast<double>(cost.counted.globalSectors) /
                           static_cast<double>(cost.counted.globalSectorsIdeal);
    expect(sectors <= 1.02, "sectors: ", sectors, " in tile ", t.rows, "x", t.columns);
  }
}

TEST("a padded convolution reads no taps outside the image") {
  const Convolution c{square(3, 1, 1), {16, 16, 64}, {128}, Kind::relu};
  const Cost cost = costOf(c, mmaTile(128, 128));
  // Along each axis, of 16 x 3 taps two lie outside.
  const double inside = 46.0 / 48 * 46 / 48;
  const double implied =
      static_cast<double>(cost.xBytes()) * inside + static_cast<double>(cost.rowTiles * cost.weightBytes());
  const double ratio = static_cast<double>(cost.counted.globalBytesRead) / implied;
  expect(ratio >= 1 && ratio <= 1.15, "bytes read: ", ratio);
}

TEST("merged siblings read x once") {
  const Convolution c{square(1, 1, 0), {16, 16, 192}, {64, 32, 24, 8}, Kind::relu};
  const Cost cost = costOf(c, mmaTile(128, 128));
  const double implied = static_cast<double>(cost.xBytes() + cost.rowTiles * cost.weightBytes());
  const double ratio = static_cast<double>(cost.counted.globalBytesRead) / implied;
  expect(ratio >= 1 && ratio <= 1.15, "bytes read: ", ratio);
}

TEST("few images share one reading of a fully connected layer's weights, however it is split") {
  ConvTile tile = mmaTile(16, 128);
  tile.splits = 4;
  const Convolution c{square(1, 1, 0), {1, 1, 1024}, {512}, Kind::relu, false, 1, 8};
  const Cost cost = costOf(c, tile);
  const double partial = 4.0 * 8 * 512 * 4;
  const double implied = static_cast<double>(cost.columnTiles * cost.xBytes() + cost.weightBytes()) + partial;
  const double ratio = static_cast<double>(cost.counted.globalBytesRead) / implied;
  expect(ratio >= 1 && ratio <= 1.15, "bytes read: ", ratio);
}

}  // namespace
}  // namespace emulator::tests
