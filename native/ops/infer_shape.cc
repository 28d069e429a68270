// The shape rule of every op, and the checks that keep a hostile model from overflowing a size.
#include <algorithm>
#include <cmath>

#include "native/ops/op.h"

namespace facenet {
namespace {

// Far beyond any network of faces, and small enough that products of sizes stay below 2^63.
constexpr int64_t maxExtent = int64_t{1} << 16;    // kernel, stride, padding
constexpr int64_t maxChannels = int64_t{1} << 24;  // channels, features
constexpr int64_t maxElements = int64_t{1} << 28;  // one image's activation: 1 GiB in f32
constexpr int64_t maxWeights = int64_t{1} << 30;   // one layer's weights: 4 GiB in f32

struct Rule {
  const std::vector<Shape>& inputs;
  const std::string& layer;

  [[noreturn]] void fail(const std::string& expected, const std::string& received) const {
    throw invalidModel("layer " + layer, expected, received);
  }
  void require(bool holds, const std::string& expected, const std::string& received) const {
    if (!holds) fail(expected, received);
  }
  void requireRange(const char* what, int64_t value, int64_t least, int64_t most) const {
    require(value >= least && value <= most, text(what, " between ", least, " and ", most), text(value));
  }
  void requireArity(size_t count) const {
    require(inputs.size() == count, text(count, count == 1 ? " input" : " inputs"), text(inputs.size()));
  }

  Shape checked(const Shape& shape) const {
    const double elements = static_cast<double>(shape.height) * shape.width * shape.channels;
    require(elements <= maxElements, text("at most ", maxElements, " elements an image"), toString(shape));
    return shape;
  }

  Shape slide(const Window& w, int64_t channels) const {
    for (int64_t kernel : {w.kernelHeight, w.kernelWidth}) requireRange("a kernel", kernel, 1, maxExtent);
    for (int64_t stride : {w.strideHeight, w.strideWidth}) requireRange("a stride", stride, 1, maxExtent);
    for (int64_t pad : {w.padTop, w.padLeft, w.padBottom, w.padRight})
      requireRange("padding", pad, 0, maxExtent);
    const Shape& in = inputs.front();
    const Shape out = slidingShape(w, in, channels);
    require(out.height >= 1 && out.width >= 1, "a kernel no larger than the padded input",
            text(w.kernelHeight, "x", w.kernelWidth, " over ", in.height + w.padTop + w.padBottom, "x",
                 in.width + w.padLeft + w.padRight));
    return checked(out);
  }

  Shape operator()(Preprocess& op) const {
    requireArity(1);
    require(inputs[0].channels == 3, "an image of 3 channels", toString(inputs[0]));
    for (int c = 0; c < 3; ++c) {
      require(op.order[c] >= 0 && op.order[c] < 3, "a channel order of 0, 1 and 2", text(op.order[c]));
      require(std::isfinite(op.mean[c]) && std::isfinite(op.scale[c]), "a finite mean and scale",
              text("mean ", op.mean[c], ", scale ", op.scale[c]));
    }
    return {inputs[0].height, inputs[0].width, op.grey ? 1 : 3};
  }

  Shape operator()(Conv2d& op) const {
    requireArity(op.residual ? 2 : 1);
    const int64_t in = inputs[0].channels;
    requireRange("groups", op.groups, 1, maxChannels);
    require(in % op.groups == 0, text("input channels divisible by groups ", op.groups), text(in));
    for (const ConvPart& part : op.parts) {
      requireRange("output channels", part.outChannels, 1, maxChannels);
      require(part.outChannels % op.groups == 0, text("output channels divisible by groups ", op.groups),
              text(part.outChannels));
    }
    const Shape out = slide(op.window, op.outChannels());
    const double weights = static_cast<double>(op.outChannels()) * (in / op.groups) * op.window.kernelHeight *
                           op.window.kernelWidth;
    require(weights <= maxWeights, text("at most ", maxWeights, " weights"), text(weights));
    if (op.residual) require(inputs[1] == out, "a residual of shape " + toString(out), toString(inputs[1]));
    return out;
  }

  Shape operator()(Norm& op) const {
    requireArity(1);
    require(std::isfinite(op.epsilon) && op.epsilon >= 0, "a finite epsilon >= 0", text(op.epsilon));
    return inputs[0];
  }

  Shape operator()(Activation&) const {
    requireArity(1);
    return inputs[0];
  }

  // A window that lies wholly in the padding has no maximum and no average.
  Shape operator()(Pool& op) const {
    requireArity(1);
    const Shape& in = inputs[0];
    if (op.global) op.window = Window{.kernelHeight = in.height, .kernelWidth = in.width};
    const Window& w = op.window;
    const Shape out = slide(w, in.channels);
    require(
        std::max(w.padTop, w.padBottom) < w.kernelHeight && std::max(w.padLeft, w.padRight) < w.kernelWidth,
        text("padding smaller than the ", w.kernelHeight, "x", w.kernelWidth, " kernel"),
        text("top ", w.padTop, ", left ", w.padLeft, ", bottom ", w.padBottom, ", right ", w.padRight));
    return out;
  }

  Shape operator()(Lrn& op) const {
    requireArity(1);
    requireRange("a size", op.size, 1, maxChannels);
    require(std::isfinite(op.alpha) && op.alpha >= 0, "a finite alpha >= 0", text(op.alpha));
    require(std::isfinite(op.beta), "a finite beta", text(op.beta));
    require(std::isfinite(op.bias) && op.bias > 0, "a finite bias > 0", text(op.bias));
    return inputs[0];
  }

  Shape operator()(FullyConnected& op) const {
    requireArity(1);
    requireRange("output features", op.outFeatures, 1, maxChannels);
    requireRange("maxout pieces", op.maxout, 1, maxChannels);
    require(op.outFeatures % op.maxout == 0,
            text("output features divisible by ", op.maxout, " maxout pieces"), text(op.outFeatures));
    const double weights = static_cast<double>(op.outFeatures) * inputs[0].elements();
    require(weights <= maxWeights, text("at most ", maxWeights, " weights"), text(weights));
    return {1, 1, op.outFeatures / op.maxout};
  }

  Shape operator()(Maxout& op) const {
    requireArity(1);
    const Shape& in = inputs[0];
    requireRange("pieces", op.pieces, 1, maxChannels);
    require(in.channels % op.pieces == 0, text("channels divisible by ", op.pieces, " pieces"),
            text(in.channels));
    return {in.height, in.width, in.channels / op.pieces};
  }

  Shape operator()(Concat&) const {
    Shape out{inputs[0].height, inputs[0].width, 0};
    for (const Shape& in : inputs) {
      require(in.height == out.height && in.width == out.width,
              text("inputs of ", out.height, "x", out.width, " pixels like the first"), toString(in));
      out.channels += in.channels;
    }
    return checked(out);
  }

  Shape operator()(Add& op) const {
    requireArity(2);
    require(inputs[0] == inputs[1], "two inputs of one shape",
            toString(inputs[0]) + " and " + toString(inputs[1]));
    require(std::isfinite(op.factor), "a finite factor", text(op.factor));
    return inputs[0];
  }

  Shape operator()(ZeroPad& op) const {
    requireArity(1);
    for (int64_t pad : {op.top, op.left, op.bottom, op.right}) requireRange("padding", pad, 0, maxExtent);
    requireRange("padded channels", op.channels, 0, maxChannels);
    const Shape& in = inputs[0];
    return checked(
        {in.height + op.top + op.bottom, in.width + op.left + op.right, in.channels + op.channels});
  }

  Shape operator()(Upsample& op) const {
    requireArity(1);
    requireRange("a factor", op.factor, 1, maxExtent);
    const Shape& in = inputs[0];
    return checked({in.height * op.factor, in.width * op.factor, in.channels});
  }

  Shape operator()(L2Normalize& op) const {
    requireArity(1);
    require(std::isfinite(op.epsilon) && op.epsilon > 0, "a finite epsilon > 0", text(op.epsilon));
    return inputs[0];
  }
};

}  // namespace

Shape inferShape(Op& op, const std::vector<Shape>& inputs, const std::string& layer) {
  const Rule rule{inputs, layer};
  rule.require(!inputs.empty(), "at least one input", "none");
  return std::visit(rule, op);
}

}  // namespace facenet
