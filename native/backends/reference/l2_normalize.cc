// L2 normalisation of one image's elements.
#include <algorithm>
#include <cmath>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

std::unique_ptr<Kernel> makeKernel(const L2Normalize& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    std::vector<double> squares(static_cast<size_t>(in.count), 0.0);
    forEachPixel(in, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < in.shape.channels; ++c) {
        const double value = load(in, pixelIndex(in, n, y, x) + c);
        squares[n] += value * value;
      }
    });
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      const double norm = std::max(std::sqrt(squares[n]), static_cast<double>(op.epsilon));
      for (int64_t c = 0; c < out.shape.channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c, load(in, pixelIndex(in, n, y, x) + c) / norm);
    });
  });
}

namespace {

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

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const L2Normalize& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<L2NormalizeLoops>(op, context, sums);
}

}  // namespace facenet::reference
