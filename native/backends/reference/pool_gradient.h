// The backward of pools: each output's gradient goes back to the inputs of its window.
#pragma once

#include "native/backends/reference/gradient_loops.h"

namespace facenet::train::reference {

template <class Real>
class PoolLoops final : public PlainLoops<Pool> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const Window& w = op_.window;
    const View &x = pass.x[0], &y = pass.y[0], &dy = gradients.dy[0];
    Batch<Real> dx(x);
    forEachPixel(y, [&](int64_t n, int64_t oy, int64_t ox) {
      const Span rows = spanOf(oy, w.strideHeight, w.kernelHeight, w.padTop, w.padBottom, x.shape.height);
      const Span columns = spanOf(ox, w.strideWidth, w.kernelWidth, w.padLeft, w.padRight, x.shape.width);
      for (int64_t c = 0; c < x.shape.channels; ++c)
        addWindow(x, n, rows, columns, c, static_cast<Real>(load(y, pixelIndex(y, n, oy, ox) + c)),
                  static_cast<Real>(load(dy, pixelIndex(dy, n, oy, ox) + c)), dx);
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }

 private:
  // The pixels [begin, end) of a window along one axis, and how many lie inside the padded image.
  struct Span {
    int64_t begin, end, padded;
  };

  static Span spanOf(int64_t position, int64_t stride, int64_t kernel, int64_t before, int64_t after,
                     int64_t size) {
    const int64_t begin = position * stride - before, end = begin + kernel;
    return {std::max<int64_t>(begin, 0), std::min(end, size), std::min(end, size + after) - begin};
  }

  void addWindow(const View& x, int64_t n, const Span& rows, const Span& columns, int64_t c, Real y, Real dy,
                 Batch<Real>& dx) const {
    const int64_t divisor = op_.countPadding ? rows.padded * columns.padded
                                             : (rows.end - rows.begin) * (columns.end - columns.begin);
    Real* winner = nullptr;
    Real largest = 0;
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      for (int64_t column = columns.begin; column < columns.end; ++column) {
        const auto value = static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c));
        Real& target = dx.at(n, row, column, c);
        if (op_.kind == Pool::Kind::avg) target += dy / static_cast<Real>(divisor);
        if (op_.kind == Pool::Kind::l2 && y != 0)
          target += value * dy / (op_.mean ? y * static_cast<Real>(divisor) : y);
        if (!winner || value > largest) winner = &target, largest = value;
      }
    }
    if (op_.kind == Pool::Kind::max && winner) *winner += dy;
  }
};

}  // namespace facenet::train::reference
