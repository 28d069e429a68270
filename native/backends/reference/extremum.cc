// The larger or the smaller of two activations.
#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

namespace {

// Whether y is b; where they are equal it is a.
bool takesSecond(const Extremum& op, double a, double b) {
  return op.largest ? b > a : b < a;
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Extremum& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View& out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c) {
        const double a = load(inputs[0], pixelIndex(inputs[0], n, y, x) + c);
        const double b = load(inputs[1], pixelIndex(inputs[1], n, y, x) + c);
        store(out, pixelIndex(out, n, y, x) + c, takesSecond(op, a, b) ? b : a);
      }
    });
  });
}

namespace {

template <class Real>
class ExtremumLoops final : public PlainLoops<Extremum> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &a = pass.x[0], &b = pass.x[1], &dy = gradients.dy[0];
    Batch<Real> da(a), db(b);
    forEachPixel(dy, [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t c = 0; c < dy.shape.channels; ++c) {
        const bool second = takesSecond(op_, load(a, pixelIndex(a, n, row, column) + c),
                                        load(b, pixelIndex(b, n, row, column) + c));
        (second ? db : da).at(n, row, column, c) =
            static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
      }
    });
    da.write(gradients.dx[0], gradients.accumulate[0]);
    db.write(gradients.dx[1], gradients.accumulate[1]);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Extremum& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<ExtremumLoops>(op, context, sums);
}

}  // namespace facenet::reference
