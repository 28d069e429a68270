// The weight gradient against the plain loop: windows, layouts, groups, splits, both arithmetics.
#include "weight_gradient.h"

#include "cuda/conv2d/weight_gradient/weight_gradient_tile.h"

namespace emulator::tests {
namespace {

using facenet::DType;
using facenet::Rounding;
using facenet::Shape;
using facenet::Window;
using facenet::cuda::gradientSplits;
using facenet::cuda::gradientTile;

Window square(int64_t kernel, int64_t stride, int64_t padding) {
  return {kernel, kernel, stride, stride, padding, padding, padding, padding, Rounding::floor};
}
Convolution convolution(const Window& window, Shape in, int64_t out, int64_t count = 1, int64_t groups = 1) {
  Convolution c{window, in, {out}};
  c.count = count;
  c.groups = groups;
  return c;
}

// Slices of wider tensors: pieces can be copied from the first kind, not from the second.
GradientLayout slices(DType dtype, const Convolution& c) {
  GradientLayout layout = GradientLayout::of(dtype);
  layout.xStride = (c.in.channels + 7) / 8 * 8 + 24, layout.xOffset = 8;
  layout.gStride = (c.out() + 7) / 8 * 8 + 16, layout.gOffset = 16;
  layout.weightOffset = 4;
  return layout;
}
GradientLayout oddSlices(DType dtype, const Convolution& c) {
  GradientLayout layout = GradientLayout::of(dtype);
  layout.xStride = c.in.channels + 3, layout.xOffset = 3;
  layout.gStride = c.out() + 5, layout.gOffset = 1;
  layout.weightOffset = 12;
  return layout;
}

const std::vector<Convolution>& cases() {
  static const std::vector<Convolution> all{
      convolution(square(1, 1, 0), {7, 5, 24}, 40, 3),
      convolution(square(1, 1, 0), {6, 6, 21}, 19, 2),
      convolution(square(1, 2, 0), {9, 7, 16}, 33, 2),
      convolution(square(3, 1, 1), {8, 9, 12}, 20, 2),
      convolution(square(3, 2, 1), {9, 10, 35}, 18, 2),
      convolution(square(5, 1, 2), {7, 6, 8}, 16, 2),
      convolution({2, 3, 3, 1, 1, 0, 0, 2, Rounding::floor}, {8, 7, 10}, 9, 3),
      convolution(square(7, 2, 3), {19, 17, 3}, 24, 1),
      convolution(square(3, 1, 1), {1, 1, 16}, 16, 40),  // as many images as pixels
      convolution(square(3, 1, 1), {2, 3, 9}, 12, 9),
      convolution({3, 2, 1, 2, 2, 3, 3, 2, Rounding::floor, 2, 3}, {8, 11, 10}, 12, 2),
  };
  return all;
}

void checkAll(DType dtype) {
  for (const Convolution& c : cases()) {
    checkWeightGradient(c, GradientLayout::of(dtype));
    checkWeightGradient(c, slices(dtype, c));
    checkWeightGradient(c, oddSlices(dtype, c));
  }
}

TEST("weight gradients in fp32, in every order") {
  inEveryOrder([] { checkAll(DType::f32); });
}
TEST("weight gradients in bf16, in every order") {
  inEveryOrder([] { checkAll(DType::bf16); });
}

TEST("weight gradients of bf16 networks where images or the last gradient are fp32") {
  for (const Convolution& c : cases()) {
    checkWeightGradient(c, {.x = DType::f32, .g = DType::bf16});
    checkWeightGradient(c, {.x = DType::bf16, .g = DType::f32, .weightOffset = 8});
  }
}

TEST("weight gradients of grouped convolutions") {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const Convolution& c : {convolution(square(3, 1, 1), {6, 5, 16}, 32, 2, 2),
                                 convolution(square(1, 2, 0), {7, 6, 18}, 30, 2, 3)}) {
      checkWeightGradient(c, GradientLayout::of(dtype));
      checkWeightGradient(c, slices(dtype, c));
    }
}

TEST("weight gradients that overwrite what was there") {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const int64_t kernel : {1, 3}) {
      const Convolution c = convolution(square(kernel, 1, 0), {6, 7, 20}, 24, 2);
      GradientLayout layout = GradientLayout::of(dtype);
      layout.add = false;
      checkWeightGradient(c, layout);
    }
}

// Every tile, its edges inside and outside, and pixels in several splits of which the last is short.
TEST("weight gradients in every tile and in splits") {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const auto& tile : facenet::cuda::gradientTiles(dtype)) {
      const int64_t columns = tile.columns == 128 ? 120 : 56;
      const Convolution c = convolution(square(1, 1, 0), {15, 18, columns}, tile.rows - 3, 2);
      const facenet::cuda::GradientProduct product{c.out(), columns, 2 * 15 * 18, 1, dtype};
      const auto chosen = gradientTile(product);
      expect(chosen.rows == tile.rows && chosen.columns == tile.columns, "tile ", describe(product), ", not ",
             tile.rows, "x", tile.columns);
      expect(gradientSplits(product) == 2, gradientSplits(product), " splits");
      checkWeightGradient(c, GradientLayout::of(dtype));
    }
}

TEST("weight gradients in splits, in every order") {
  inEveryOrder([] {
    for (const DType dtype : {DType::f32, DType::bf16})
      checkWeightGradient(convolution(square(3, 1, 1), {17, 16, 16}, 30, 4), GradientLayout::of(dtype));
  });
}

TEST("the weight gradient of no images changes nothing") {
  const Convolution c = convolution(square(3, 1, 1), {5, 5, 8}, 8, 0);
  checkWeightGradient(c, GradientLayout::of(DType::bf16));
}

TEST("depthwise weight gradients, in every order") {
  inEveryOrder([] {
    for (const DType dtype : {DType::f32, DType::bf16})
      for (const Convolution& c :
           {convolution(square(3, 1, 1), {9, 8, 24}, 24, 3, 24),
            convolution(square(3, 2, 1), {9, 9, 13}, 13, 2, 13),
            convolution(square(5, 1, 0), {7, 6, 8}, 8, 2, 8),
            convolution(square(3, 1, 1), {5, 5, 6}, 18, 2, 6),
            convolution({3, 3, 2, 1, 2, 2, 2, 2, Rounding::floor, 2, 3}, {9, 8, 24}, 24, 3, 24),
            convolution({7, 6, 1, 1, 0, 0, 0, 0, Rounding::floor}, {7, 6, 40}, 40, 3, 40),
            convolution(square(3, 1, 1), {17, 16, 520}, 520, 1, 520)}) {
        checkWeightGradient(c, GradientLayout::of(dtype));
        checkWeightGradient(c, oddSlices(dtype, c));
      }
  });
}
TEST("depthwise weight gradients where images or the last gradient are fp32, and in splits") {
  const Convolution c = convolution(square(3, 1, 1), {16, 17, 16}, 16, 5, 16);
  checkWeightGradient(c, GradientLayout::of(DType::bf16));
  checkWeightGradient(c, {.x = DType::f32, .g = DType::bf16});
  checkWeightGradient(c, {.x = DType::bf16, .g = DType::f32});
}

}  // namespace
}  // namespace emulator::tests
