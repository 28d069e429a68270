// Images as vectors and back, and matrices transposed.
#include "cuda/flatten.cuh"

#include <cmath>

#include "views.h"

namespace emulator::tests {
namespace {

// The place of an element among the inputs of a fully connected layer (ops/fully_connected.h).
int64_t placeOf(const Shape& s, bool channelsFirst, int64_t y, int64_t x, int64_t c) {
  return channelsFirst ? (c * s.height + y) * s.width + x : (y * s.width + x) * s.channels + c;
}

void checkImages(DType image, DType flatType, bool channelsFirst, Layout imageLayout) {
  const Shape shape{3, 4, 13};
  const Shape vector{1, 1, shape.elements()};
  const Layout flatLayout{vector.channels + 4, 3};
  const TestView x = TestView::random(image, 2, shape, imageLayout, 1);
  TestView flat = TestView::untouched(flatType, 2, vector, flatLayout);
  facenet::cuda::flatten(x.view(), channelsFirst, flat.view(), nullptr);
  const auto tolerance = [&](double expected) {
    return std::abs(expected) * (rounding(image) + rounding(flatType));
  };
  const auto imageAt = [&](int64_t n, int64_t place) {
    for (int64_t y = 0; y < shape.height; ++y)
      for (int64_t column = 0; column < shape.width; ++column)
        for (int64_t c = 0; c < shape.channels; ++c)
          if (placeOf(shape, channelsFirst, y, column, c) == place) return x.at(n, y, column, c);
    return std::nan("");
  };
  flat.check("flat", [&](int64_t n, int64_t, int64_t, int64_t i) { return imageAt(n, i); }, tolerance);

  for (const bool add : {false, true}) {
    const TestView from = TestView::random(flatType, 2, vector, flatLayout, 2);
    TestView to = TestView::untouched(image, 2, shape, imageLayout);
    facenet::cuda::unflatten(from.view(), channelsFirst, false, to.view(), nullptr);
    if (add) facenet::cuda::unflatten(from.view(), channelsFirst, true, to.view(), nullptr);
    to.check(
        "image",
        [&](int64_t n, int64_t y, int64_t column, int64_t c) {
          return (add ? 2 : 1) * from.at(n, 0, 0, placeOf(shape, channelsFirst, y, column, c));
        },
        tolerance);
  }
}

TEST("images as vectors in both orders of the weights, and back, in every thread order") {
  inEveryOrder([] {
    for (const bool channelsFirst : {true, false})
      for (const Layout layout : {Layout{13}, Layout{16}, Layout{24, 8}, Layout{17, 3}}) {
        checkImages(DType::f32, DType::f32, channelsFirst, layout);
        checkImages(DType::bf16, DType::bf16, channelsFirst, layout);
        checkImages(DType::bf16, DType::f32, channelsFirst, layout);
        checkImages(DType::f32, DType::bf16, channelsFirst, layout);
      }
  });
}

TEST("vectors of images transposed, in every thread order") {
  inEveryOrder([] {
    for (const DType in : {DType::f32, DType::bf16})
      for (const DType out : {DType::f32, DType::bf16})
        for (const auto& [images, channels] : {std::pair{5, 70}, {33, 32}, {1, 1}, {64, 31}}) {
          const TestView from = TestView::random(in, images, {1, 1, channels}, {channels + 3, 2}, 4);
          TestView to = TestView::untouched(out, channels, {1, 1, images}, {images + 2, 1});
          facenet::cuda::transpose(from.view(), to.view(), nullptr);
          to.check(
              "transposed", [&](int64_t c, int64_t, int64_t, int64_t n) { return from.at(n, 0, 0, c); },
              [&](double expected) { return std::abs(expected) * rounding(out); });
        }
  });
}

TEST("transposing vectors reads and writes whole sectors and meets in no bank") {
  const TestView from = TestView::random(DType::f32, 64, {1, 1, 128}, {128}, 4);
  TestView to = TestView::untouched(DType::f32, 128, {1, 1, 64}, {64});
  const Counters n = count([&] { facenet::cuda::transpose(from.view(), to.view(), nullptr); });
  expect(n.globalSectors == n.globalSectorsIdeal, n.globalSectors, " sectors, not ", n.globalSectorsIdeal);
  expect(n.sharedPhases == n.sharedPhasesIdeal, n.sharedPhases, " phases, not ", n.sharedPhasesIdeal);
}

}  // namespace
}  // namespace emulator::tests
