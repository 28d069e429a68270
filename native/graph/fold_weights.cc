// Norms folded into the weights before them. A layer's result goes through v -> v * gain + offset for each
// norm in turn, then through the factor of a residual add, so output channel o of the folded layer has weight
// w[o] * gain[o] and bias b[o] * gain[o] + offset[o].
#include <cmath>

#include "native/graph/plan.h"

namespace facenet {
namespace {

struct Affine {
  std::vector<double> gain, offset;
};

std::vector<double> channelValues(const std::string& name, int64_t channels, double absent,
                                  const Weights& weights, const std::string& layer) {
  if (name.empty()) return std::vector<double>(channels, absent);
  const std::vector<float> values = weights.read(name, {channels}, layer, true);
  return {values.begin(), values.end()};
}

Affine affineOf(const Norm& norm, int64_t channels, const Weights& weights, const std::string& layer) {
  const auto scale = channelValues(norm.scale, channels, 1, weights, layer);
  const auto shift = channelValues(norm.shift, channels, 0, weights, layer);
  const auto mean = channelValues(norm.mean, channels, 0, weights, layer);
  const auto variance = channelValues(norm.variance, channels, 1, weights, layer);
  const double epsilon = norm.batch() ? norm.epsilon : 0;
  Affine result{scale, shift};
  for (int64_t c = 0; c < channels; ++c) {
    if (variance[c] < 0 || variance[c] + epsilon == 0)
      throw invalidModel(text("tensor ", norm.variance, " of layer ", layer),
                         "a variance + epsilon above zero", text(variance[c] + epsilon, " at element ", c));
    result.gain[c] = scale[c] / std::sqrt(variance[c] + epsilon);
    result.offset[c] = shift[c] - mean[c] * result.gain[c];
  }
  return result;
}

float finite(double value, const std::string& layer) {
  const float rounded = static_cast<float>(value);
  if (!std::isfinite(rounded))
    throw invalidModel("layer " + layer, "weights that stay finite when folded", text(value));
  return rounded;
}

// `outputs` rows of `weight`, one a channel; the bias may be absent.
FoldedWeights fold(std::vector<float> weight, const std::string& bias, const std::vector<Norm>& norms,
                   double factor, int64_t outputs, const Weights& weights, const std::string& layer) {
  std::vector<double> gain(outputs, 1), offset(outputs, 0);
  if (!bias.empty()) {
    const std::vector<float> values = weights.read(bias, {outputs}, layer);
    offset.assign(values.begin(), values.end());
  }
  for (const Norm& norm : norms) {
    const Affine next = affineOf(norm, outputs, weights, layer);
    for (int64_t o = 0; o < outputs; ++o) {
      gain[o] *= next.gain[o];
      offset[o] = offset[o] * next.gain[o] + next.offset[o];
    }
  }

  FoldedWeights folded{std::move(weight), std::vector<float>(outputs)};
  const int64_t row = static_cast<int64_t>(folded.weight.size()) / outputs;
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t i = o * row; i < (o + 1) * row; ++i)
      folded.weight[i] = finite(folded.weight[i] * gain[o] * factor, layer);
    folded.bias[o] = finite(offset[o] * factor, layer);
  }
  return folded;
}

}  // namespace

FoldedWeights foldConvPart(const ConvPart& part, int64_t inChannels, const Window& window,
                           const Weights& weights, const std::string& layer) {
  const std::vector<int64_t> shape{part.outChannels, inChannels, window.kernelHeight, window.kernelWidth};
  return fold(weights.read(part.weight, shape, layer), part.bias, part.norms, part.factor, part.outChannels,
              weights, layer);
}

FoldedWeights foldFullyConnected(const FullyConnected& op, int64_t inFeatures, const Weights& weights,
                                 const std::string& layer) {
  return fold(weights.read(op.weight, {op.outFeatures, inFeatures}, layer), op.bias, op.norms, 1,
              op.outFeatures, weights, layer);
}

ScaleShift foldNorm(const Norm& norm, int64_t channels, const Weights& weights, const std::string& layer) {
  const Affine affine = affineOf(norm, channels, weights, layer);
  ScaleShift result{std::vector<float>(channels), std::vector<float>(channels)};
  for (int64_t c = 0; c < channels; ++c) {
    result.scale[c] = finite(affine.gain[c], layer);
    result.shift[c] = finite(affine.offset[c], layer);
  }
  return result;
}

}  // namespace facenet
