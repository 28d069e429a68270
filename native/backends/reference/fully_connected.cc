// Fully connected: one dot product an output feature, then maxout and the activation.
#include <algorithm>
#include <limits>

#include "native/backends/reference/loops.h"

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

Loop prepare(const FullyConnected& op, const Context& context) {
  const int64_t inFeatures = context.input().elements();
  FoldedWeights folded = foldFullyConnected(op, inFeatures, context.weights, context.step.name);
  const std::vector<float> weight = context.stored(std::move(folded.weight)), bias = std::move(folded.bias);
  const Activate activate(op.activation, op.outFeatures / op.maxout, context);

  return [op, inFeatures, weight, bias, activate](const std::vector<View>& inputs,
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
  };
}

}  // namespace facenet::reference
