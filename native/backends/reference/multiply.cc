// A product of two activations, the second of as many pixels or of one.
#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

namespace {

// Channel 0 of the pixel of b that belongs to a pixel of a.
int64_t factorIndex(const View& b, int64_t n, int64_t y, int64_t x) {
  return b.shape.pixels() == 1 ? pixelIndex(b, n, 0, 0) : pixelIndex(b, n, y, x);
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Multiply&, const StepContext&) {
  return plainLoop([](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &a = inputs[0], &b = inputs[1], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c,
              load(a, pixelIndex(a, n, y, x) + c) * load(b, factorIndex(b, n, y, x) + c));
    });
  });
}

namespace {

template <class Real>
class MultiplyLoops final : public PlainLoops<Multiply> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &a = pass.x[0], &b = pass.x[1], &dy = gradients.dy[0];
    const bool onePixel = b.shape.pixels() == 1;
    Batch<Real> da(a), db(b);
    forEachPixel(dy, [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t c = 0; c < dy.shape.channels; ++c) {
        const auto g = static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
        da.at(n, row, column, c) = g * static_cast<Real>(load(b, factorIndex(b, n, row, column) + c));
        db.at(n, onePixel ? 0 : row, onePixel ? 0 : column, c) +=
            g * static_cast<Real>(load(a, pixelIndex(a, n, row, column) + c));
      }
    });
    da.write(gradients.dx[0], gradients.accumulate[0]);
    db.write(gradients.dx[1], gradients.accumulate[1]);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Multiply& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<MultiplyLoops>(op, context, sums);
}

}  // namespace facenet::reference
