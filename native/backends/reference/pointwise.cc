// Functions of one value at a time.
#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

namespace {

template <class Real>
Real expOf(Real x) {
  return std::exp(x);
}
template <class Real>
Real tanhOf(Real x) {
  return std::tanh(x);
}
template <class Real>
Real expm1Of(Real x) {
  return std::expm1(x);
}
template <class Real>
Real log1pOf(Real x) {
  return std::log1p(x);
}
template <class Real>
Real erfOf(Real x) {
  return std::erf(x);
}
template <class Real>
Real rounded(Real x) {
  return x;
}

#define FACENET_POINTWISE inline
#include "native/ops/pointwise.inc"
#undef FACENET_POINTWISE

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Pointwise& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    withFunction(op.function, [&](auto function) {
      forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
        for (int64_t c = 0; c < out.shape.channels; ++c)
          store(out, pixelIndex(out, n, y, x) + c,
                valueOf<decltype(function)::value>(load(in, pixelIndex(in, n, y, x) + c), op));
      });
    });
  });
}

namespace {

template <class Real>
class PointwiseLoops final : public PlainLoops<Pointwise> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &x = pass.x[0], &dy = gradients.dy[0];
    Batch<Real> dx(x);
    withFunction(op_.function, [&](auto function) {
      forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
        for (int64_t c = 0; c < x.shape.channels; ++c) {
          const auto value = static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c));
          const auto g = static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
          dx.at(n, row, column, c) = g * slopeOf<decltype(function)::value>(value, op_);
        }
      });
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Pointwise& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<PointwiseLoops>(op, context, sums);
}

}  // namespace facenet::reference
