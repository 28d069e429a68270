// What an op's shape rule is given, and the checks that keep a hostile model from overflowing a size.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "native/core/shape.h"

namespace facenet {

// Far beyond any network of faces, and small enough that products of sizes stay below 2^63.
constexpr int64_t kMaxExtent = int64_t{1} << 16;    // kernel, stride, padding
constexpr int64_t kMaxChannels = int64_t{1} << 24;  // channels, features
constexpr int64_t kMaxElements = int64_t{1} << 28;  // one image's activation: 1 GiB in f32
constexpr int64_t kMaxWeights = int64_t{1} << 30;   // one layer's weights: 4 GiB in f32

// The inputs of an op. What they do not hold is an ERR_FACENET_MODEL_INVALID with the layer's name.
struct Inputs {
  const std::vector<Shape>& shapes;
  const std::string& layer;

  const Shape& operator[](size_t i) const { return shapes[i]; }
  // Of an op of one input.
  const Shape& only() const {
    requireCount(1);
    return shapes[0];
  }

  void require(bool holds, const std::string& expected, const std::string& received) const {
    if (!holds) throw invalidModel("layer " + layer, expected, received);
  }
  void requireCount(size_t count) const {
    require(shapes.size() == count, text(count, count == 1 ? " input" : " inputs"), text(shapes.size()));
  }
  void requireRange(const char* what, int64_t value, int64_t least, int64_t most) const {
    require(value >= least && value <= most, text(what, " between ", least, " and ", most), text(value));
  }
  void requireWeights(double count) const {
    require(count <= kMaxWeights, text("at most ", kMaxWeights, " weights"), text(count));
  }
  // A shape that is larger than the op's inputs.
  Shape checked(const Shape& shape) const {
    const double elements = static_cast<double>(shape.height) * shape.width * shape.channels;
    require(elements <= kMaxElements, text("at most ", kMaxElements, " elements an image"), toString(shape));
    return shape;
  }
};

}  // namespace facenet
