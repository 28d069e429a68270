#include "native/ops/pool.h"

#include <algorithm>

namespace facenet {

Pool Pool::read(const NodeFields& node) {
  const Attributes& attributes = node.attributes;
  Pool op;
  op.global = node.op == kNames[3];
  op.mean = attributes.booleanOr("mean", false);
  if (op.global) {
    op.kind = attributes.oneOf<Kind, 3>("kind", {{"max", Kind::max}, {"avg", Kind::avg}, {"l2", Kind::l2}});
    return op;
  }
  op.kind = static_cast<Kind>(std::ranges::find(kNames, node.op) - std::begin(kNames));
  op.window = Window::read(attributes);
  op.window.rounding =
      attributes.oneOf<Rounding, 2>("rounding", {{"floor", Rounding::floor}, {"ceil", Rounding::ceil}}, true);
  op.countPadding = attributes.booleanOr("countPadding", false);
  return op;
}

std::string Pool::name() const {
  return text(global ? "global_" : "", poolName(kind), "_pool");
}

namespace {

// What all windows look at, an image: a minute.
constexpr int64_t kMaxTaps = int64_t{1} << 36;

// Whether all taps of some window of an axis are in the padding.
bool missesImage(int64_t windows, int64_t kernel, int64_t stride, int64_t dilation, int64_t before,
                 int64_t size) {
  for (int64_t i = 0; i < windows; ++i) {
    const int64_t first = i * stride - before;
    const int64_t tap = std::max<int64_t>(0, tapsWithin(-first, dilation));
    if (tap >= kernel || first + tap * dilation >= size) return true;
  }
  return false;
}

}  // namespace

// A window that lies wholly in the padding has no maximum and no average.
Shape Pool::infer(const Inputs& inputs) {
  const Shape& in = inputs.only();
  if (global) window = Window{.kernelHeight = in.height, .kernelWidth = in.width};
  const Window& w = window;
  const Shape out = w.infer(inputs, in.channels);
  const std::string padding =
      text("top ", w.padTop, ", left ", w.padLeft, ", bottom ", w.padBottom, ", right ", w.padRight);
  inputs.require(
      std::max(w.padTop, w.padBottom) < w.extentHeight() && std::max(w.padLeft, w.padRight) < w.extentWidth(),
      text("padding smaller than the ", w.extentHeight(), "x", w.extentWidth(), " kernel"), padding);
  // The taps of a dilated window may lie on both sides of a small image.
  inputs.require(
      !missesImage(out.height, w.kernelHeight, w.strideHeight, w.dilationHeight, w.padTop, in.height) &&
          !missesImage(out.width, w.kernelWidth, w.strideWidth, w.dilationWidth, w.padLeft, in.width),
      "a pixel of the image in every window", text(toString(in), ", padded ", padding));
  const double taps = static_cast<double>(std::min(w.kernelHeight, in.height)) *
                      static_cast<double>(std::min(w.kernelWidth, in.width)) *
                      static_cast<double>(out.elements());
  inputs.require(taps <= static_cast<double>(kMaxTaps),
                 text("windows of at most ", kMaxTaps, " values in all"), text(taps));
  return out;
}

}  // namespace facenet
