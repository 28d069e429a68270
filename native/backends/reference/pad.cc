// Rows and columns around the image: numbers, or pixels of the image.
#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

namespace {

// body(n, y, x, row, column) for every pixel of the padded image: those of the image that stand there; -1: none.
template <class Body>
void forEachPadded(const Pad& op, const View& padded, const Shape& image, Body body) {
  forEachPixel(padded, [&](int64_t n, int64_t y, int64_t x) {
    int64_t row = y - op.top, column = x - op.left;
    if (op.mirrors()) row = op.source(row, image.height), column = op.source(column, image.width);
    const bool inside = row >= 0 && row < image.height && column >= 0 && column < image.width;
    body(n, y, x, inside ? row : -1, inside ? column : -1);
  });
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Pad& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPadded(op, out, in.shape, [&](int64_t n, int64_t y, int64_t x, int64_t row, int64_t column) {
      for (int64_t c = 0; c < out.shape.channels; ++c) {
        const bool filled = row < 0 || c >= in.shape.channels;
        const double value = filled ? op.value : load(in, pixelIndex(in, n, row, column) + c);
        store(out, pixelIndex(out, n, y, x) + c, value);
      }
    });
  });
}

namespace {

template <class Real>
class PadLoops final : public PlainLoops<Pad> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View& dy = gradients.dy[0];
    Batch<Real> dx(pass.x[0]);
    forEachPadded(op_, dy, dx.shape, [&](int64_t n, int64_t y, int64_t x, int64_t row, int64_t column) {
      if (row < 0) return;
      for (int64_t c = 0; c < dx.shape.channels; ++c)
        dx.at(n, row, column, c) += static_cast<Real>(load(dy, pixelIndex(dy, n, y, x) + c));
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Pad& op, const TrainContext& context, Precision sums) {
  return makeLoops<PadLoops>(op, context, sums);
}

}  // namespace facenet::reference
