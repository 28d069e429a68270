#include "conv2d_mma.h"

namespace emulator::tests {
namespace {

using facenet::DType;
using facenet::Rounding;
using facenet::Window;
using facenet::cuda::ConvTile;
using Kind = facenet::Activation::Kind;

// Every class of shape: channels that are no multiple of anything, several images in a tile, windows that hang
// over every edge of the image, tiles that hang over every edge of the product.
const std::vector<Convolution>& cases() {
  static const std::vector<Convolution> all{
      {square(1, 1, 0), {9, 11, 40}, {72}, Kind::relu},
      {square(3, 1, 1), {7, 9, 35}, {33}, Kind::prelu, true, 1, 2},
      {square(3, 2, 1), {9, 8, 10}, {10}, Kind::relu6},
      {square(5, 1, 2), {6, 6, 3}, {12}, Kind::none, true},
      {square(7, 2, 3), {15, 13, 3}, {64}, Kind::relu, false, 1, 2},
      {{1, 7, 1, 1, 0, 3, 0, 3, Rounding::floor}, {5, 9, 32}, {24}, Kind::relu},
      {{7, 1, 1, 1, 3, 0, 3, 0, Rounding::floor}, {9, 5, 24}, {32}, Kind::relu},
      {{2, 3, 1, 2, 1, 0, 0, 2, Rounding::floor}, {6, 7, 5}, {8}, Kind::none, false, 1, 3},
      {{3, 3, 2, 2, 0, 0, 0, 0, Rounding::ceil}, {8, 8, 16}, {40}, Kind::relu},
      {square(1, 2, 0), {5, 5, 12}, {9}, Kind::none},
      {square(1, 1, 0), {1, 1, 200}, {130}, Kind::prelu, false, 1, 5},
      {{3, 3, 1, 2, 2, 3, 3, 2, Rounding::floor, 2, 3}, {8, 11, 20}, {24}, Kind::relu, false, 1, 2},
  };
  return all;
}

MmaLayout dense(DType dtype) {
  return {.dtype = dtype, .x = dtype, .y = dtype, .residual = dtype, .activations = {}};
}

TEST("convolutions on tensor cores of every kind, in slices, in every order") {
  inEveryOrder([] {
    size_t next = 0;
    const auto& shapes = facenet::cuda::mmaShapes();
    for (const Convolution& c : cases())
      for (const DType dtype : {DType::bf16, DType::f16})
        checkMma(c, MmaLayout::slices(dtype, c.in.channels), shapes[next++ % shapes.size()].tile);
  });
}

TEST("convolutions on tensor cores in every tile, with and without splits") {
  for (const auto& shape : facenet::cuda::mmaShapes())
    for (const size_t i : {1u, 5u, 10u, 11u})
      for (const int splits : {1, 3}) {
        ConvTile tile = shape.tile;
        tile.splits = splits;
        checkMma(cases()[i], MmaLayout::slices(DType::bf16, cases()[i].in.channels), tile);
      }
}

TEST("convolutions on tensor cores from and to dense memory that is not aligned") {
  for (const Convolution& c : cases()) {
    for (const DType dtype : {DType::bf16, DType::f16}) checkMma(c, dense(dtype), mmaTile(64, 64));
    MmaLayout ends = dense(DType::bf16);
    ends.x = ends.y = ends.residual = DType::f32;
    checkMma(c, ends, mmaTile(64, 64));
    ends.dtype = DType::f16;
    ends.xOffset = 1, ends.yOffset = 2, ends.yPadding = 3;
    checkMma(c, ends, mmaTile(64, 64));
  }
}

TEST("merged siblings go to slices of their own, each with its activation") {
  inEveryOrder([] {
    const std::vector<std::vector<int64_t>> parts{{64, 96}, {16, 24, 5}, {8, 40, 3, 17}};
    const std::vector<Kind> kinds{Kind::relu, Kind::prelu, Kind::none, Kind::relu6};
    for (const auto& channels : parts) {
      const Convolution c{square(1, 1, 0), {5, 13, 48}, channels, Kind::none, false, 1, 2};
      MmaLayout layout = MmaLayout::slices(DType::bf16, 48);
      layout.activations.assign(kinds.begin(), kinds.begin() + static_cast<std::ptrdiff_t>(channels.size()));
      for (const int columns : {128, 32}) checkMma(c, layout, mmaTile(128, columns));
      layout.y = DType::f32;
      checkMma(c, layout, mmaTile(64, 64));
    }
  });
}

TEST("groups of channels, aligned and not") {
  inEveryOrder([] {
    for (const auto& [in, out, groups] :
         std::vector<std::array<int64_t, 3>>{{32, 48, 2}, {24, 24, 3}, {10, 15, 5}}) {
      Convolution c{square(3, 1, 1), {5, 6, in}, {out}, Kind::prelu, true, groups, 2};
      const MmaLayout layout = MmaLayout::slices(DType::bf16, in);
      checkMma(c, layout, mmaTile(64, 64));
      if (in / groups % 8 != 0) continue;
      ConvTile tile = mmaTile(128, 32);
      tile.splits = 2;
      checkMma(c, layout, tile);
    }
  });
}

TEST("a window that covers the image, with maxout, in every order") {
  inEveryOrder([] {
    for (const int64_t maxout : {1, 2, 3, 8})
      for (const int splits : {1, 4}) {
        const Convolution c{square(3, 1, 0), {3, 3, 36}, {maxout * 27}, Kind::prelu, false, 1, 5};
        MmaLayout layout = MmaLayout::slices(DType::f16, 36);
        layout.maxout = maxout;
        ConvTile tile = mmaTile(16, 128);
        tile.splits = splits;
        checkMma(c, layout, tile);
        layout.y = DType::f32;
        checkMma(c, layout, mmaTile(32, 64));
      }
  });
}

}  // namespace
}  // namespace emulator::tests
