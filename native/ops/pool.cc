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

// A window that lies wholly in the padding has no maximum and no average.
Shape Pool::infer(const Inputs& inputs) {
  const Shape& in = inputs.only();
  if (global) window = Window{.kernelHeight = in.height, .kernelWidth = in.width};
  const Window& w = window;
  const Shape out = w.infer(inputs, in.channels);
  inputs.require(
      std::max(w.padTop, w.padBottom) < w.kernelHeight && std::max(w.padLeft, w.padRight) < w.kernelWidth,
      text("padding smaller than the ", w.kernelHeight, "x", w.kernelWidth, " kernel"),
      text("top ", w.padTop, ", left ", w.padLeft, ", bottom ", w.padBottom, ", right ", w.padRight));
  return out;
}

}  // namespace facenet
