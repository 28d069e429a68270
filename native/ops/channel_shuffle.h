// channel_shuffle: y[c] = x[(c mod groups) * (C / groups) + floor(c / groups)]: of `groups` equal runs of channels the
// first channels come first, then the second ones. C must be a multiple of groups.
// Backward: dx is dy shuffled with C / groups groups.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct ChannelShuffle {
  int64_t groups = 1;

  static constexpr const char* kNames[] = {"channel_shuffle"};
  static constexpr bool kHasGradient = true;
  static ChannelShuffle read(const NodeFields& node) { return {node.attributes.integer("groups", 1)}; }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    const Shape& in = inputs.only();
    inputs.requireRange("groups", groups, 1, kMaxChannels);
    inputs.require(in.channels % groups == 0, text("channels divisible by ", groups, " groups"),
                   text(in.channels));
    return in;
  }
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }

  // The shuffle that undoes this one.
  ChannelShuffle inverse(int64_t channels) const { return {channels / groups}; }
  // The channel of x that channel c of y is.
  int64_t source(int64_t c, int64_t channels) const { return c % groups * (channels / groups) + c / groups; }
};

}  // namespace facenet
