#include "forward_loops.h"

#include <algorithm>
#include <cmath>

namespace facenet::train::test {
namespace {

float activate(const Activation& op, float x, const Bench& bench, int64_t channel) {
  switch (op.kind) {
    case Activation::Kind::relu: return std::max(x, 0.0f);
    case Activation::Kind::relu6: return std::min(std::max(x, 0.0f), 6.0f);
    case Activation::Kind::prelu: {
      const bool one = bench.parameters().at(op.slope).elements() == 1;
      return x > 0 ? x : x * bench.parameterValues(op.slope)[one ? 0 : channel];
    }
    default: return x;
  }
}

float convSum(const Conv2d& op, const Shape& in, const float* x, const float* weight, int64_t o,
              int64_t group, int64_t oy, int64_t ox) {
  const Window& w = op.window;
  const int64_t inChannels = in.channels / op.groups;
  float sum = 0;
  for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
    for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
      const int64_t row = oy * w.strideHeight + ky * w.dilationHeight - w.padTop;
      const int64_t column = ox * w.strideWidth + kx * w.dilationWidth - w.padLeft;
      if (row < 0 || row >= in.height || column < 0 || column >= in.width) continue;
      for (int64_t i = 0; i < inChannels; ++i)
        sum += x[(row * in.width + column) * in.channels + group * inChannels + i] *
               weight[((o * inChannels + i) * w.kernelHeight + ky) * w.kernelWidth + kx];
    }
  return sum;
}

void conv(const Conv2d& op, const Bench& bench, Results& results) {
  const Shape& in = bench.item().inputs[0];
  const Shape out = slidingShape(op.window, in, 1);
  for (size_t p = 0; p < op.parts.size(); ++p) {
    const ConvPart& part = op.parts[p];
    const float* weight = bench.parameterValues(part.weight);
    const float* bias = part.bias.empty() ? nullptr : bench.parameterValues(part.bias);
    for (size_t i = 0; i < results.values[p].size(); ++i) {
      const auto index = static_cast<int64_t>(i);
      const int64_t o = index % part.outChannels, pixel = index / part.outChannels % out.pixels();
      const float* x = bench.inputValues(0).data() + index / part.outChannels / out.pixels() * in.elements();
      float sum = convSum(op, in, x, weight, o, o / (part.outChannels / op.groups), pixel / out.width,
                          pixel % out.width);
      if (bias) sum += bias[o];
      sum *= part.factor;
      if (op.residual) sum += bench.inputValues(1)[i];
      results.values[p][i] = activate(part.activation, sum, bench, o);
    }
  }
}

void fullyConnected(const FullyConnected& op, const Bench& bench, Results& results) {
  const Shape& in = bench.item().inputs[0];
  const float* weight = bench.parameterValues(op.weight);
  const float* bias = op.bias.empty() ? nullptr : bench.parameterValues(op.bias);
  const int64_t outputs = op.outFeatures / op.maxout;
  for (size_t i = 0; i < results.values[0].size(); ++i) {
    const int64_t n = static_cast<int64_t>(i) / outputs, j = static_cast<int64_t>(i) % outputs;
    const float* x = bench.inputValues(0).data() + n * in.elements();
    float best = -INFINITY;
    for (int64_t o = j * op.maxout; o < (j + 1) * op.maxout; ++o) {
      float sum = 0;
      for (int64_t k = 0; k < in.elements(); ++k) {
        const int64_t flat = op.channelsFirst ? k % in.channels * in.pixels() + k / in.channels : k;
        sum += x[k] * weight[o * in.elements() + flat];
      }
      best = std::max(best, bias ? sum + bias[o] : sum);
    }
    results.values[0][i] = activate(op.activation, best, bench, j);
  }
}

}  // namespace

void forwardInFloat(const Bench& bench, Results& results) {
  if (const auto* op = std::get_if<Conv2d>(&bench.item().op)) conv(*op, bench, results);
  if (const auto* op = std::get_if<FullyConnected>(&bench.item().op)) fullyConnected(*op, bench, results);
}

}  // namespace facenet::train::test
