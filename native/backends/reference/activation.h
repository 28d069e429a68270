// Activations as the other ops have them in their epilogue.
#pragma once

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

// An activation with its slopes at hand, for the end of any op.
class Activate {
 public:
  Activate(const Activation& op, int64_t channels, const StepContext& context);
  double operator()(double x, int64_t channel) const;

 private:
  Activation::Kind kind_;
  std::vector<float> slope_;
};

// Turns the gradient of y into that of the activation's input x and adds up the gradient of the slopes. Where
// the mask can be read from y, x may be null.
template <class Real>
Batch<Real> activationGradient(const Activation& op, const TrainContext& context, const Pass& pass,
                               const Gradients& gradients, const View* x, const View& y, const View& dy) {
  Sum<Real> slope(context, op.kind == Activation::Kind::prelu ? op.slope : "", pass);
  Batch<Real> dx(dy);
  forEachPixel(dy, [&](int64_t n, int64_t row, int64_t column) {
    for (int64_t c = 0; c < dy.shape.channels; ++c) {
      const auto g = static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
      const auto out = static_cast<Real>(load(y, pixelIndex(y, n, row, column) + c));
      const auto in = x ? static_cast<Real>(load(*x, pixelIndex(*x, n, row, column) + c)) : out;
      Real& result = dx.at(n, row, column, c);
      switch (op.kind) {
        case Activation::Kind::relu: result = out > 0 ? g : 0; break;
        case Activation::Kind::relu6: result = out > 0 && out < 6 ? g : 0; break;
        case Activation::Kind::prelu:
          result = in > 0 ? g : g * slope.value(c);
          if (!(in > 0)) slope.add(c, g * in);
          break;
        default: result = g;
      }
    }
  });
  slope.write(gradients);
  return dx;
}

}  // namespace facenet::reference
