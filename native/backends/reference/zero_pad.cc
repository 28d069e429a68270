// Zeros around the image and after the last channel.
#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

std::unique_ptr<Kernel> makeKernel(const ZeroPad& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      const int64_t row = y - op.top, column = x - op.left;
      const bool inside = row >= 0 && row < in.shape.height && column >= 0 && column < in.shape.width;
      for (int64_t c = 0; c < out.shape.channels; ++c) {
        const double value =
            inside && c < in.shape.channels ? load(in, pixelIndex(in, n, row, column) + c) : 0;
        store(out, pixelIndex(out, n, y, x) + c, value);
      }
    });
  });
}

namespace {

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

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const ZeroPad& op, const TrainContext& context, Precision sums) {
  return makeLoops<ZeroPadLoops>(op, context, sums);
}

}  // namespace facenet::reference
