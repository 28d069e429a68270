// relu, relu6 and prelu, as an op and as the end of another op. A NaN stays a NaN.
#include "native/backends/reference/activation.h"

#include <algorithm>
#include <cmath>

namespace facenet::reference {

Activate::Activate(const Activation& op, int64_t channels, const StepContext& context) : kind_(op.kind) {
  if (kind_ == Activation::Kind::prelu)
    slope_ = context.weights.read(op.slope, {channels}, context.step.name, /*allowScalar=*/true);
}

double Activate::operator()(double x, int64_t channel) const {
  switch (kind_) {
    case Activation::Kind::relu: return std::max(x, 0.0);
    case Activation::Kind::relu6: return std::min(std::max(x, 0.0), 6.0);
    case Activation::Kind::prelu: return x > 0 ? x : x * slope_[channel];
    default: return x;
  }
}

std::unique_ptr<Kernel> makeKernel(const Activation& op, const StepContext& context) {
  const Activate activate(op, context.input().shape.channels, context);
  return plainLoop([activate](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c, activate(load(in, pixelIndex(in, n, y, x) + c), c));
    });
  });
}

namespace {

template <class Real>
class ActivationLoops final : public PlainLoops<Activation> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    activationGradient<Real>(op_, context_, pass, gradients, &pass.x[0], pass.y[0], gradients.dy[0])
        .write(gradients.dx[0], gradients.accumulate[0]);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Activation& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<ActivationLoops>(op, context, sums);
}

}  // namespace facenet::reference
