// The backward of local response normalisation.
#pragma once

#include "native/backends/reference/gradient_loops.h"

namespace facenet::train::reference {

template <class Real>
class LrnLoops final : public PlainLoops<Lrn> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &x = pass.x[0], &dy = gradients.dy[0];
    const int64_t channels = x.shape.channels;
    const auto beta = static_cast<Real>(op_.beta);
    const Real alpha = op_.alphaPerWindow ? static_cast<Real>(op_.alpha) / static_cast<Real>(op_.size)
                                          : static_cast<Real>(op_.alpha);
    Batch<Real> dx(x);
    forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
      const int64_t in = pixelIndex(x, n, row, column), from = pixelIndex(dy, n, row, column);
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t first = std::max<int64_t>(c - (op_.size - 1) / 2, 0);
        const int64_t last = std::min(c + op_.size / 2, channels - 1);
        Real squares = 0;
        for (int64_t other = first; other <= last; ++other) {
          const auto value = static_cast<Real>(load(x, in + other));
          squares += value * value;
        }
        const Real sum = static_cast<Real>(op_.bias) + alpha * squares;
        const auto g = static_cast<Real>(load(dy, from + c));
        const Real shared =
            2 * alpha * beta * g * static_cast<Real>(load(x, in + c)) * std::pow(sum, -beta - 1);
        dx.at(n, row, column, c) += g * std::pow(sum, -beta);
        for (int64_t other = first; other <= last; ++other)
          dx.at(n, row, column, other) -= shared * static_cast<Real>(load(x, in + other));
      }
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

}  // namespace facenet::train::reference
