#include "native/ops/op.h"

namespace facenet {
namespace {

template <class... Ts>
struct Match : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Match(Ts...) -> Match<Ts...>;

int64_t normParameters(const Norm& norm, int64_t channels) {
  return (norm.scale.empty() ? 0 : channels) + (norm.shift.empty() ? 0 : channels);
}

int64_t normParameters(const std::vector<Norm>& norms, int64_t channels) {
  int64_t sum = 0;
  for (const Norm& norm : norms) sum += normParameters(norm, channels);
  return sum;
}

int64_t slopeParameters(const Activation& activation, int64_t channels) {
  return activation.kind == Activation::Kind::prelu ? channels : 0;
}

int64_t convWeightsPerOutput(const Conv2d& op, const Shape& in) {
  return in.channels / op.groups * op.window.kernelHeight * op.window.kernelWidth;
}

int64_t convParameters(const Conv2d& op, const Shape& in) {
  int64_t sum = 0;
  for (const ConvPart& part : op.parts)
    sum += part.outChannels * convWeightsPerOutput(op, in) + (part.bias.empty() ? 0 : part.outChannels) +
           normParameters(part.norms, part.outChannels) + slopeParameters(part.activation, part.outChannels);
  return sum;
}

int64_t fullyConnectedParameters(const FullyConnected& op, const Shape& in) {
  return op.outFeatures * in.elements() + (op.bias.empty() ? 0 : op.outFeatures) +
         normParameters(op.norms, op.outFeatures) +
         slopeParameters(op.activation, op.outFeatures / op.maxout);
}

}  // namespace

std::string opName(const Op& op) {
  return std::visit(
      Match{[](const Preprocess&) -> std::string { return "preprocess"; },
            [](const Conv2d&) -> std::string { return "conv2d"; },
            [](const Norm& norm) -> std::string { return norm.batch() ? "batch_norm" : "affine"; },
            [](const Activation& activation) -> std::string { return activationName(activation.kind); },
            [](const Pool& pool) {
              return (pool.global ? "global_" : "") + text(poolName(pool.kind), "_pool");
            },
            [](const Lrn&) -> std::string { return "lrn"; },
            [](const FullyConnected&) -> std::string { return "fully_connected"; },
            [](const Maxout&) -> std::string { return "maxout"; },
            [](const Concat&) -> std::string { return "concat"; },
            [](const Add&) -> std::string { return "add"; },
            [](const ZeroPad&) -> std::string { return "zero_pad"; },
            [](const Upsample&) -> std::string { return "upsample"; },
            [](const L2Normalize&) -> std::string { return "l2_normalize"; }},
      op);
}

int64_t parameterCount(const Op& op, const std::vector<Shape>& inputs) {
  const Shape& in = inputs.front();
  return std::visit(
      Match{[&](const Conv2d& conv) { return convParameters(conv, in); },
            [&](const FullyConnected& fc) { return fullyConnectedParameters(fc, in); },
            [&](const Norm& norm) { return normParameters(norm, in.channels); },
            [&](const Activation& activation) { return slopeParameters(activation, in.channels); },
            [&](const Add& add) { return slopeParameters(add.activation, in.channels); },
            [](const auto&) -> int64_t { return 0; }},
      op);
}

int64_t multiplyAdds(const Op& op, const std::vector<Shape>& inputs, const Shape& output) {
  const Shape& in = inputs.front();
  return std::visit(Match{[&](const Conv2d& conv) {
                            return output.pixels() * conv.outChannels() * convWeightsPerOutput(conv, in);
                          },
                          [&](const FullyConnected& fc) { return fc.outFeatures * in.elements(); },
                          [](const auto&) -> int64_t { return 0; }},
                    op);
}

}  // namespace facenet
