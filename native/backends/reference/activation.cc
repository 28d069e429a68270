// relu, relu6, prelu and sigmoid, as an op and as the end of another op. A NaN stays a NaN.
#include <algorithm>
#include <cmath>

#include "native/backends/reference/loops.h"

namespace facenet::reference {

Activate::Activate(const Activation& op, int64_t channels, const Context& context) : kind_(op.kind) {
  if (kind_ == Activation::Kind::prelu)
    slope_ = context.weights.read(op.slope, {channels}, context.step.name, /*allowScalar=*/true);
}

double Activate::operator()(double x, int64_t channel) const {
  switch (kind_) {
    case Activation::Kind::relu: return std::max(x, 0.0);
    case Activation::Kind::relu6: return std::min(std::max(x, 0.0), 6.0);
    case Activation::Kind::prelu: return x > 0 ? x : x * slope_[channel];
    case Activation::Kind::sigmoid: return 1 / (1 + std::exp(-x));
    default: return x;
  }
}

Loop prepare(const Activation& op, const Context& context) {
  const Activate activate(op, context.input().channels, context);
  return [activate](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c, activate(load(in, pixelIndex(in, n, y, x) + c), c));
    });
  };
}

}  // namespace facenet::reference
