// zero_pad, constant_pad, edge_pad, reflect_pad: rows and columns around the image.
//   zero, constant  zeros or `value`, after the last channel too
//   edge            the nearest pixel of the image
//   reflect         the image mirrored at its first and last pixels, which are not repeated; at most one less than the
//                   image has
// Backward: dx is the sum of dy over the pixels that were made of x.
#pragma once

#include <algorithm>

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Pad {
  // In the order of kNames.
  enum class Kind : uint8_t { zero, constant, edge, reflect };
  Kind kind = Kind::zero;
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  int64_t channels = 0;
  float value = 0;

  static constexpr const char* kNames[] = {"zero_pad", "constant_pad", "edge_pad", "reflect_pad"};
  static constexpr bool kHasGradient = true;
  static Pad read(const NodeFields& node) {
    Pad op;
    op.kind = static_cast<Kind>(std::ranges::find(kNames, node.op) - std::begin(kNames));
    if (node.attributes.has("padding")) {
      const auto padding = node.attributes.integers("padding", 0, 4);
      op.top = padding[0], op.left = padding[1], op.bottom = padding[2], op.right = padding[3];
    }
    if (!op.mirrors()) op.channels = node.attributes.integerOr("channels", 0, 0);
    if (op.kind == Kind::constant) op.value = node.attributes.real("value");
    return op;
  }
  std::string name() const { return kNames[static_cast<int>(kind)]; }
  // Whether the padding is made of pixels of the image.
  bool mirrors() const { return kind == Kind::edge || kind == Kind::reflect; }
  Shape infer(const Inputs& inputs) const {
    const Shape& in = inputs.only();
    for (int64_t pad : {top, left, bottom, right}) inputs.requireRange("padding", pad, 0, kMaxExtent);
    inputs.requireRange("padded channels", channels, 0, kMaxChannels);
    if (kind == Kind::reflect)
      inputs.require(
          std::max(top, bottom) < in.height && std::max(left, right) < in.width,
          "less padding than the image has rows and columns",
          text("top ", top, ", left ", left, ", bottom ", bottom, ", right ", right, " of ", toString(in)));
    return inputs.checked({in.height + top + bottom, in.width + left + right, in.channels + channels});
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }

  // Of edge and reflect, along one axis: the pixel of an image of `size` that stands at `position`, which may be
  // outside.
  int64_t source(int64_t position, int64_t size) const {
    if (kind == Kind::edge) return std::clamp<int64_t>(position, 0, size - 1);
    return position < 0 ? -position : position >= size ? 2 * (size - 1) - position : position;
  }
};

}  // namespace facenet
