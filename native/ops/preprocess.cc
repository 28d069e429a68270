#include "native/ops/preprocess.h"

namespace facenet {
namespace {

// One value for all channels, or three.
std::array<float, 3> readChannels(const Attributes& attributes, const char* name, float fallback) {
  if (!attributes.has(name)) return {fallback, fallback, fallback};
  const auto values = attributes.numbers(name);
  if (values.size() != 1 && values.size() != 3) throw attributes.wrong(name, "one number or three");
  std::array<float, 3> result;
  for (size_t c = 0; c < 3; ++c) result[c] = static_cast<float>(values[values.size() == 1 ? 0 : c]);
  return result;
}

}  // namespace

Preprocess Preprocess::read(const NodeFields& node) {
  enum class Color { rgb, bgr, grey };
  const auto color = node.attributes.oneOf<Color, 3>(
      "color", {{"rgb", Color::rgb}, {"bgr", Color::bgr}, {"grey", Color::grey}});
  Preprocess op;
  op.perImage = node.attributes.oneOf<bool, 2>("mode", {{"fixed", false}, {"per-image", true}});
  op.grey = color == Color::grey;
  if (color == Color::bgr) op.order = {2, 1, 0};
  op.mean = readChannels(node.attributes, "mean", 0);
  op.scale = readChannels(node.attributes, "scale", 1);
  return op;
}

Shape Preprocess::infer(const Inputs& inputs) const {
  const Shape& in = inputs.only();
  inputs.require(in.channels == 3, "an image of 3 channels", toString(in));
  for (size_t c = 0; c < 3; ++c) {
    inputs.require(order[c] >= 0 && order[c] < 3, "a channel order of 0, 1 and 2", text(order[c]));
    inputs.require(std::isfinite(mean[c]) && std::isfinite(scale[c]), "a finite mean and scale",
                   text("mean ", mean[c], ", scale ", scale[c]));
  }
  return {in.height, in.width, grey ? 1 : 3};
}

}  // namespace facenet
