// Maxout: the largest of neighbouring channels.
#include <algorithm>
#include <limits>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

std::unique_ptr<Kernel> makeKernel(const Maxout& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t j = 0; j < out.shape.channels; ++j) {
        double largest = -std::numeric_limits<double>::infinity();
        for (int64_t i = 0; i < op.pieces; ++i)
          largest = std::max(largest, load(in, pixelIndex(in, n, y, x) + j * op.pieces + i));
        store(out, pixelIndex(out, n, y, x) + j, largest);
      }
    });
  });
}

namespace {

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

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Maxout& op, const TrainContext& context, Precision sums) {
  return makeLoops<MaxoutLoops>(op, context, sums);
}

}  // namespace facenet::reference
