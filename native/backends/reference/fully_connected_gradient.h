// The backward of a fully connected layer with maxout: only the largest of each group of sums had an effect.
#pragma once

#include "native/backends/reference/activation_gradient.h"

namespace facenet::train::reference {

template <class Real>
class FullyConnectedLoops final : public PlainLoops<FullyConnected> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const OwnedView sums = beforeMaxout(pass);
    OwnedView largest(sums.view.count, {1, 1, op_.outFeatures / op_.maxout});
    std::vector<int64_t> winners;  // output feature, for each value of `largest`
    for (int64_t n = 0; n < sums.view.count; ++n) {
      for (int64_t j = 0; j < largest.view.shape.channels; ++j) {
        const auto first = sums.values.begin() + n * op_.outFeatures + j * op_.maxout;
        const auto best = std::max_element(first, first + op_.maxout);  // the first of equals
        largest.values[winners.size()] = *best;
        winners.push_back(j * op_.maxout + (best - first));
      }
    }
    Batch<Real> g = activationGradient<Real>(op_.activation, context_, pass, gradients, &largest.view,
                                             pass.y[0], gradients.dy[0]);
    addTerms(pass, gradients, g, winners);
  }

 private:
  OwnedView beforeMaxout(const Pass& pass) const {
    Step step = context_.step;
    auto& op = std::get<FullyConnected>(step.op);
    op.maxout = 1;
    op.activation = {};
    OwnedView sums(pass.x[0].count, {1, 1, op_.outFeatures});
    runForward(context_, step, pass, {sums.view});
    return sums;
  }

  void addTerms(const Pass& pass, const Gradients& gradients, Batch<Real>& g,
                const std::vector<int64_t>& winners) const {
    const View& x = pass.x[0];
    const Shape in = x.shape;
    Batch<Real> dx(x);
    Sum<Real> weight(context_, op_.weight, pass), bias(context_, op_.bias, pass);
    for (int64_t n = 0; n < x.count; ++n) {
      for (int64_t j = 0; j < g.shape.channels; ++j) {
        const Real dy = g.at(n, 0, 0, j);
        const int64_t o = winners[static_cast<size_t>(n * g.shape.channels + j)];
        bias.add(o, dy);
        for (int64_t row = 0; row < in.height; ++row) {
          for (int64_t column = 0; column < in.width; ++column) {
            for (int64_t c = 0; c < in.channels; ++c) {
              const int64_t flat = op_.channelsFirst ? (c * in.height + row) * in.width + column
                                                     : (row * in.width + column) * in.channels + c;
              const int64_t index = o * in.elements() + flat;
              dx.at(n, row, column, c) += weight.value(index) * dy;
              weight.add(index, static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c)) * dy);
            }
          }
        }
      }
    }
    dx.write(gradients.dx[0], gradients.accumulate[0]);
    weight.write(gradients);
    bias.write(gradients);
  }
};

}  // namespace facenet::train::reference
