// What tests of the backward's kernels share.
#pragma once

#include "views.h"

namespace emulator::tests {

// body(x, y): the types that an op's input and its gradient, and its output and its gradient have in
// training.
inline void forTrainedTypes(const std::function<void(DType x, DType y)>& body) {
  for (const DType x : {DType::f32, DType::bf16})
    for (const DType y : {DType::f32, DType::bf16}) body(x, y);
}

// The gradient that a kernel writes or adds to.
struct GradientView {
  GradientView(DType dtype, int64_t count, const Shape& shape, Layout layout, bool accumulate)
      : target(TestView::untouched(dtype, count, shape, layout)),
        accumulate(accumulate),
        before(accumulate ? target.at(0, 0, 0, 0) : 0),
        unit(rounding(dtype)) {}

  // The result is within half a unit in the last place, and `slack` of the values added up.
  void check(const std::string& what, const TestView::Expected& expected, double slack) {
    target.check(
        what, [&](int64_t n, int64_t y, int64_t x, int64_t c) { return before + expected(n, y, x, c); },
        [&](double value) { return std::abs(value) * (unit + 0x1p-22) + slack; });
  }
  const View& view() const { return target.view(); }

  TestView target;
  bool accumulate;
  double before, unit;
};

// Values of a dense batch, in fp64.
struct Batch64 {
  Batch64(int64_t count, const Shape& shape)
      : shape(shape), values(static_cast<size_t>(count * shape.elements())) {}
  double& at(int64_t n, int64_t y, int64_t x, int64_t c) {
    return values[static_cast<size_t>(((n * shape.height + y) * shape.width + x) * shape.channels + c)];
  }

  Shape shape;
  std::vector<double> values;
};

// body(n, y, x, c) for each value of a batch.
inline void forEachValue(int64_t count, const Shape& shape,
                         const std::function<void(int64_t n, int64_t y, int64_t x, int64_t c)>& body) {
  for (int64_t n = 0; n < count; ++n)
    for (int64_t y = 0; y < shape.height; ++y)
      for (int64_t x = 0; x < shape.width; ++x)
        for (int64_t c = 0; c < shape.channels; ++c) body(n, y, x, c);
}

// Device memory that is NaN, for what a kernel keeps or needs.
inline facenet::cuda::DeviceBuffer<uint8_t> memoryOf(int64_t bytes) {
  return onDevice(std::vector<uint8_t>(static_cast<size_t>(std::max<int64_t>(bytes, 1)), 0xff));
}

}  // namespace emulator::tests
