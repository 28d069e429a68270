// Views for tests of kernels: on the device, in every type and layout that a plan makes.
#pragma once

#include <cstring>
#include <functional>

#include "native/core/shape.h"
#include "test.h"

namespace emulator::tests {

using facenet::DType;
using facenet::Shape;
using facenet::View;

// Pixels lie `stride` elements apart and the first one `offset` elements into the memory: a slice of a concat
// where the stride is above the channels.
struct Layout {
  int64_t stride, offset = 0;
};

class TestView {
 public:
  // Everything that is no channel of a pixel is NaN.
  static TestView random(DType dtype, int64_t count, const Shape& shape, Layout layout, unsigned seed,
                         float low = -2, float high = 2);
  // Everything holds a value that no kernel writes by itself.
  static TestView untouched(DType dtype, int64_t count, const Shape& shape, Layout layout);

  const View& view() const { return view_; }
  // A channel as it was made; of what `untouched` gave, as it is on the device now.
  double at(int64_t n, int64_t y, int64_t x, int64_t c) const;

  // Reads the device. Then every channel must be within `tolerance(expected)` of expected(n, y, x, c), and all
  // else as it was.
  using Expected = std::function<double(int64_t n, int64_t y, int64_t x, int64_t c)>;
  void check(const std::string& what, const Expected& expected,
             const std::function<double(double expected)>& tolerance);

 private:
  TestView(DType dtype, int64_t count, const Shape& shape, Layout layout);
  double element(int64_t index) const;
  void setElement(int64_t index, float value);

  std::vector<uint8_t> host_;
  facenet::cuda::DeviceBuffer<uint8_t> device_;
  View view_;
  Layout layout_;
};

// Half a unit in the last place of a type, relative.
double rounding(DType dtype);

// body(in, out) for the types that meet in a plan.
void forTypes(const std::function<void(DType in, DType out)>& body);

// body(channels, layout in, layout out): dense memory of the caller, padded pixels of the arena, slices.
void forLayouts(const std::function<void(int64_t channels, Layout in, Layout out)>& body);

}  // namespace emulator::tests
