// preprocess: uint8 H x W x 3 RGB -> network input.
//   fixed      y[c] = (x[order[c]] - mean[c]) * scale[c]; mean and scale in the order of the network's channels
//   per image  y = (x - m) / max(sd, 1 / sqrt(elements)), m and sd over all elements of the image
//              (TensorFlow's per_image_standardization)
// order {0, 1, 2} is RGB, {2, 1, 0} BGR; grey networks have one channel: 0.299 R + 0.587 G + 0.114 B.
// Images have no gradient.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Preprocess {
  bool perImage = false;
  bool grey = false;
  std::array<int, 3> order{0, 1, 2};
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> scale{1, 1, 1};

  static constexpr const char* kNames[] = {"preprocess"};
  static constexpr bool kHasGradient = false;
  static Preprocess read(const NodeFields& node);
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const;
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
