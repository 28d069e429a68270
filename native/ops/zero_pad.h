// zero_pad: zeros around the image and after the last channel.
// Backward: dx is the part of dy inside.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct ZeroPad {
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  int64_t channels = 0;

  static constexpr const char* kNames[] = {"zero_pad"};
  static constexpr bool kHasGradient = true;
  static ZeroPad read(const NodeFields& node) {
    ZeroPad op;
    if (node.attributes.has("padding")) {
      const auto padding = node.attributes.integers("padding", 0, 4);
      op.top = padding[0], op.left = padding[1], op.bottom = padding[2], op.right = padding[3];
    }
    op.channels = node.attributes.integerOr("channels", 0, 0);
    return op;
  }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    const Shape& in = inputs.only();
    for (int64_t pad : {top, left, bottom, right}) inputs.requireRange("padding", pad, 0, kMaxExtent);
    inputs.requireRange("padded channels", channels, 0, kMaxChannels);
    return inputs.checked({in.height + top + bottom, in.width + left + right, in.channels + channels});
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
