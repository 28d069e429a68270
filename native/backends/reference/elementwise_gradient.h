// The backward of the small ops.
#pragma once

#include "native/backends/reference/activation_gradient.h"

namespace facenet::train::reference {

// Images have no gradient.
template <class Real>
class PreprocessLoops final : public PlainLoops<Preprocess> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass&, const Gradients& gradients) const override {
    FACENET_ASSERT(!gradients.dx[0].data);
  }
};

template <class Real>
class MaxoutLoops final : public PlainLoops<Maxout> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &x = pass.x[0], &dy = gradients.dy[0];
    Batch<Real> dx(x);
    forEachPixel(dy, [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t j = 0; j < dy.shape.channels; ++j) {
        const int64_t first = pixelIndex(x, n, row, column) + j * op_.pieces;
        int64_t winner = 0;
        for (int64_t i = 1; i < op_.pieces; ++i)
          if (load(x, first + i) > load(x, first + winner)) winner = i;
        dx.at(n, row, column, j * op_.pieces + winner) =
            static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + j));
      }
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

template <class Real>
class ConcatLoops final : public PlainLoops<Concat> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View& dy = gradients.dy[0];
    int64_t firstChannel = 0;
    for (size_t i = 0; i < pass.x.size(); ++i) {
      Batch<Real> dx(pass.x[i]);
      forEachPixel(dy, [&](int64_t n, int64_t row, int64_t column) {
        for (int64_t c = 0; c < dx.shape.channels; ++c)
          dx.at(n, row, column, c) =
              static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + firstChannel + c));
      });
      dx.write(gradients.dx[i], gradients.accumulate[i]);
      firstChannel += dx.shape.channels;
    }
  }
};

template <class Real>
class AddLoops final : public PlainLoops<Add> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &a = pass.x[0], &b = pass.x[1];
    OwnedView sum(a.count, a.shape);
    Step step = context_.step;
    std::get<Add>(step.op).activation = {};
    runForward(context_, step, pass, {sum.view});
    Batch<Real> g = activationGradient<Real>(op_.activation, context_, pass, gradients, &sum.view, pass.y[0],
                                             gradients.dy[0]);
    g.write(gradients.dx[0], gradients.accumulate[0]);
    Batch<Real> db(b);
    for (size_t i = 0; i < db.values.size(); ++i) db.values[i] = static_cast<Real>(op_.factor) * g.values[i];
    db.write(gradients.dx[1], gradients.accumulate[1]);
  }
};

template <class Real>
class ZeroPadLoops final : public PlainLoops<ZeroPad> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View& dy = gradients.dy[0];
    Batch<Real> dx(pass.x[0]);
    forEachPixel(pass.x[0], [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t c = 0; c < dx.shape.channels; ++c)
        dx.at(n, row, column, c) =
            static_cast<Real>(load(dy, pixelIndex(dy, n, row + op_.top, column + op_.left) + c));
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

template <class Real>
class UpsampleLoops final : public PlainLoops<Upsample> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View& dy = gradients.dy[0];
    Batch<Real> dx(pass.x[0]);
    forEachPixel(dy, [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t c = 0; c < dx.shape.channels; ++c)
        dx.at(n, row / op_.factor, column / op_.factor, c) +=
            static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

template <class Real>
class L2NormalizeLoops final : public PlainLoops<L2Normalize> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &x = pass.x[0], &dy = gradients.dy[0];
    const Shape& shape = x.shape;
    Batch<Real> dx(x);
    const auto ofImage = [&](int64_t n, auto body) {
      for (int64_t row = 0; row < shape.height; ++row)
        for (int64_t column = 0; column < shape.width; ++column)
          for (int64_t c = 0; c < shape.channels; ++c)
            body(static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c)),
                 static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c)), dx.at(n, row, column, c));
    };
    for (int64_t n = 0; n < x.count; ++n) {
      Real squares = 0, dot = 0;
      ofImage(n, [&](Real value, Real g, Real&) { squares += value * value, dot += value * g; });
      const Real length = std::sqrt(squares), epsilon = static_cast<Real>(op_.epsilon);
      ofImage(n, [&](Real value, Real g, Real& result) {
        result = length > epsilon ? (g - value * dot / squares) / length : g / epsilon;
      });
    }
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

}  // namespace facenet::train::reference
