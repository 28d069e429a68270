// Local response normalisation across channels.
#include <algorithm>
#include <cmath>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

std::unique_ptr<Kernel> makeKernel(const Lrn& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    const int64_t channels = in.shape.channels;
    const double alpha =
        op.alphaPerWindow ? static_cast<double>(op.alpha) / static_cast<double>(op.size) : op.alpha;
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      const int64_t from = pixelIndex(in, n, y, x), to = pixelIndex(out, n, y, x);
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t first = std::max<int64_t>(c - (op.size - 1) / 2, 0);
        const int64_t last = std::min(c + op.size / 2, channels - 1);
        double squares = 0;
        for (int64_t neighbour = first; neighbour <= last; ++neighbour)
          squares += load(in, from + neighbour) * load(in, from + neighbour);
        store(out, to + c,
              load(in, from + c) / std::pow(op.bias + alpha * squares, static_cast<double>(op.beta)));
      }
    });
  });
}

namespace {

template <class Real>
class LrnLoops final : public PlainLoops<Lrn> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &x = pass.x[0], &dy = gradients.dy[0];
    const int64_t channels = x.shape.channels;
    const auto beta = static_cast<Real>(op_.beta);
    const Real alpha = op_.alphaPerWindow ? static_cast<Real>(op_.alpha) / static_cast<Real>(op_.size)
                                          : static_cast<Real>(op_.alpha);
    Batch<Real> dx(x);
    forEachPixel(x, [&](int64_t n, int64_t row, int64_t column) {
      const int64_t in = pixelIndex(x, n, row, column), from = pixelIndex(dy, n, row, column);
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t first = std::max<int64_t>(c - (op_.size - 1) / 2, 0);
        const int64_t last = std::min(c + op_.size / 2, channels - 1);
        Real squares = 0;
        for (int64_t other = first; other <= last; ++other) {
          const auto value = static_cast<Real>(load(x, in + other));
          squares += value * value;
        }
        const Real sum = static_cast<Real>(op_.bias) + alpha * squares;
        const auto g = static_cast<Real>(load(dy, from + c));
        const Real shared =
            2 * alpha * beta * g * static_cast<Real>(load(x, in + c)) * std::pow(sum, -beta - 1);
        dx.at(n, row, column, c) += g * std::pow(sum, -beta);
        for (int64_t other = first; other <= last; ++other)
          dx.at(n, row, column, other) -= shared * static_cast<Real>(load(x, in + other));
      }
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Lrn& op, const TrainContext& context, Precision sums) {
  return makeLoops<LrnLoops>(op, context, sums);
}

}  // namespace facenet::reference
