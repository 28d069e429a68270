// Concat along channels.
#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

std::unique_ptr<Kernel> makeKernel(const Concat&, const StepContext&) {
  return plainLoop([](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View& out = outputs[0];
    int64_t firstChannel = 0;
    for (const View& in : inputs) {
      forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
        for (int64_t c = 0; c < in.shape.channels; ++c)
          store(out, pixelIndex(out, n, y, x) + firstChannel + c, load(in, pixelIndex(in, n, y, x) + c));
      });
      firstChannel += in.shape.channels;
    }
  });
}

namespace {

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

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Concat& op, const TrainContext& context, Precision sums) {
  return makeLoops<ConcatLoops>(op, context, sums);
}

}  // namespace facenet::reference
