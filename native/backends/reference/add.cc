// Add, with a factor and an activation.
#include "native/backends/reference/activation.h"

namespace facenet::reference {

std::unique_ptr<Kernel> makeKernel(const Add& op, const StepContext& context) {
  const Activate activate(op.activation, context.output().shape.channels, context);
  return plainLoop([op, activate](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &a = inputs[0], &b = inputs[1], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c) {
        const double sum =
            load(a, pixelIndex(a, n, y, x) + c) + op.factor * load(b, pixelIndex(b, n, y, x) + c);
        store(out, pixelIndex(out, n, y, x) + c, activate(sum, c));
      }
    });
  });
}

namespace {

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

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Add& op, const TrainContext& context, Precision sums) {
  return makeLoops<AddLoops>(op, context, sums);
}

}  // namespace facenet::reference
