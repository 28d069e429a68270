// Shapes and views of activations. All backends keep activations as N x H x W x C, channels last.
#pragma once

#include <cstdint>
#include <string>

#include "native/core/dtype.h"
#include "native/core/error.h"

namespace facenet {

// One image's activation: height, width, channels. A vector of d values is 1 x 1 x d.
struct Shape {
  int64_t height = 1;
  int64_t width = 1;
  int64_t channels = 1;

  int64_t pixels() const { return height * width; }
  int64_t elements() const { return height * width * channels; }
  bool operator==(const Shape&) const = default;
};

inline std::string toString(const Shape& shape) {
  return text(shape.height, "x", shape.width, "x", shape.channels);
}

// A batch of activations in memory. `pixelStride` is the distance in elements between neighbouring pixels; it
// is larger than `shape.channels` where the view is a channel slice of a wider tensor (a concat written in
// place). Rows and images follow each other without gaps: element (n, y, x, c) is at
// ((n * height + y) * width + x) * pixelStride + c.
struct View {
  void* data = nullptr;
  DType dtype = DType::f32;
  int64_t count = 1;
  Shape shape;
  int64_t pixelStride = 1;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  int64_t imageStride() const { return shape.pixels() * pixelStride; }
  bool dense() const { return pixelStride == shape.channels; }
};

}  // namespace facenet
