// The backward of a convolution: every product of the forward sum gives one term to two gradients.
#pragma once

#include "native/backends/reference/activation_gradient.h"

namespace facenet::train::reference {

template <class Real>
class ConvLoops final : public PlainLoops<Conv2d> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    Batch<Real> dx(pass.x[0]);
    const std::vector<OwnedView> raw = beforeActivation(pass);
    for (size_t p = 0; p < op_.parts.size(); ++p) {
      Batch<Real> g = activationGradient<Real>(op_.parts[p].activation, context_, pass, gradients,
                                               &raw[p].view, pass.y[p], gradients.dy[p]);
      addPart(op_.parts[p], pass, gradients, g, dx);
      if (p + 1 == op_.parts.size()) dx.write(gradients.dx[0], gradients.accumulate[0]);
      if (op_.residual) g.write(gradients.dx[1], gradients.accumulate[1]);
    }
  }

 private:
  // What the activations were given.
  std::vector<OwnedView> beforeActivation(const Pass& pass) const {
    Step step = context_.step;
    for (ConvPart& part : std::get<Conv2d>(step.op).parts) part.activation = {};
    std::vector<OwnedView> raw;
    std::vector<View> views;
    for (const View& y : pass.y) raw.emplace_back(y.count, y.shape);
    for (const OwnedView& owned : raw) views.push_back(owned.view);
    runForward(context_, step, pass, views);
    return raw;
  }

  void addPart(const ConvPart& part, const Pass& pass, const Gradients& gradients, Batch<Real>& g,
               Batch<Real>& dx) const {
    const Window& w = op_.window;
    const View& x = pass.x[0];
    const int64_t inChannels = x.shape.channels / op_.groups, groupOut = part.outChannels / op_.groups;
    const auto factor = static_cast<Real>(part.factor);
    Sum<Real> weight(context_, part.weight, pass), bias(context_, part.bias, pass);
    forEachPixel(pass.y[0], [&](int64_t n, int64_t oy, int64_t ox) {
      for (int64_t o = 0; o < part.outChannels; ++o) {
        const Real dy = factor * g.at(n, oy, ox, o);
        bias.add(o, dy);
        for (int64_t ky = 0; ky < w.kernelHeight; ++ky) {
          for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
            const int64_t row = oy * w.strideHeight + ky - w.padTop;
            const int64_t column = ox * w.strideWidth + kx - w.padLeft;
            if (row < 0 || row >= x.shape.height || column < 0 || column >= x.shape.width) continue;
            for (int64_t i = 0; i < inChannels; ++i) {
              const int64_t c = o / groupOut * inChannels + i;
              const int64_t tap = ((o * inChannels + i) * w.kernelHeight + ky) * w.kernelWidth + kx;
              dx.at(n, row, column, c) += weight.value(tap) * dy;
              weight.add(tap, static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c)) * dy);
            }
          }
        }
      }
    });
    weight.write(gradients);
    bias.write(gradients);
  }
};

}  // namespace facenet::train::reference
