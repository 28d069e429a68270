// Fully connected: one dot product an output feature, then maxout and the activation.
#include <algorithm>
#include <limits>

#include "native/backends/reference/activation.h"

namespace facenet::reference {
namespace {

// Where the weights expect element (y, x, c) of the flattened input.
int64_t flatIndex(const FullyConnected& op, const Shape& in, int64_t y, int64_t x, int64_t c) {
  return op.channelsFirst ? (c * in.height + y) * in.width + x : (y * in.width + x) * in.channels + c;
}

double dotProduct(const FullyConnected& op, const float* weight, const View& in, int64_t n) {
  double sum = 0;
  for (int64_t y = 0; y < in.shape.height; ++y)
    for (int64_t x = 0; x < in.shape.width; ++x)
      for (int64_t c = 0; c < in.shape.channels; ++c)
        sum += load(in, pixelIndex(in, n, y, x) + c) * weight[flatIndex(op, in.shape, y, x, c)];
  return sum;
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const FullyConnected& op, const StepContext& context) {
  const int64_t inFeatures = context.input().shape.elements();
  FoldedWeights folded = foldFullyConnected(op, inFeatures, context.weights, context.step.name);
  const std::vector<float> weight = stored(context.plan, std::move(folded.weight)),
                           bias = std::move(folded.bias);
  const Activate activate(op.activation, op.outFeatures / op.maxout, context);

  return plainLoop([op, inFeatures, weight, bias, activate](const std::vector<View>& inputs,
                                                            const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    for (int64_t n = 0; n < in.count; ++n) {
      for (int64_t j = 0; j < op.outFeatures / op.maxout; ++j) {
        double largest = -std::numeric_limits<double>::infinity();
        for (int64_t o = j * op.maxout; o < (j + 1) * op.maxout; ++o)
          largest = std::max(largest, dotProduct(op, &weight[o * inFeatures], in, n) + bias[o]);
        store(out, pixelIndex(out, n, 0, 0) + j, activate(largest, j));
      }
    }
  });
}

namespace {

// Of the backward with maxout only the largest of each group of sums had an effect.
template <class Real>
class FullyConnectedLoops final : public PlainLoops<FullyConnected> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const OwnedView sums = beforeMaxout(pass);
    OwnedView largest(sums.view.count, {1, 1, op_.outFeatures / op_.maxout});
    std::vector<int64_t> winners;  // output feature, for each value of `largest`
    for (int64_t n = 0; n < sums.view.count; ++n) {
      for (int64_t j = 0; j < largest.view.shape.channels; ++j) {
        const auto first = sums.values.begin() + n * op_.outFeatures + j * op_.maxout;
        const auto best = std::max_element(first, first + op_.maxout);  // the first of equals
        largest.values[winners.size()] = *best;
        winners.push_back(j * op_.maxout + (best - first));
      }
    }
    Batch<Real> g = activationGradient<Real>(op_.activation, context_, pass, gradients, &largest.view,
                                             pass.y[0], gradients.dy[0]);
    addTerms(pass, gradients, g, winners);
  }

 private:
  OwnedView beforeMaxout(const Pass& pass) const {
    Step step = context_.step;
    auto& op = std::get<FullyConnected>(step.op);
    op.maxout = 1;
    op.activation = {};
    OwnedView sums(pass.x[0].count, {1, 1, op_.outFeatures});
    runForward(context_, step, pass, {sums.view});
    return sums;
  }

  void addTerms(const Pass& pass, const Gradients& gradients, Batch<Real>& g,
                const std::vector<int64_t>& winners) const {
    const View& x = pass.x[0];
    const Shape in = x.shape;
    Batch<Real> dx(x);
    Sum<Real> weight(context_, op_.weight, pass), bias(context_, op_.bias, pass);
    for (int64_t n = 0; n < x.count; ++n) {
      for (int64_t j = 0; j < g.shape.channels; ++j) {
        const Real dy = g.at(n, 0, 0, j);
        const int64_t o = winners[static_cast<size_t>(n * g.shape.channels + j)];
        bias.add(o, dy);
        for (int64_t row = 0; row < in.height; ++row) {
          for (int64_t column = 0; column < in.width; ++column) {
            for (int64_t c = 0; c < in.channels; ++c) {
              const int64_t index = o * in.elements() + flatIndex(op_, in, row, column, c);
              dx.at(n, row, column, c) += weight.value(index) * dy;
              weight.add(index, static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c)) * dy);
            }
          }
        }
      }
    }
    dx.write(gradients.dx[0], gradients.accumulate[0]);
    weight.write(gradients);
    bias.write(gradients);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const FullyConnected& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<FullyConnectedLoops>(op, context, sums);
}

}  // namespace facenet::reference
