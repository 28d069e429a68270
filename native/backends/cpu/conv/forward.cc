#include "native/backends/cpu/conv/forward.h"

namespace facenet::cpu {

namespace {

struct Folded {
  FoldedWeights values;
  std::vector<float> slopes;
};

std::vector<float> cut(const std::vector<float>& values, int64_t first, int64_t count) {
  if (values.empty()) return values;
  return {values.begin() + first, values.begin() + first + count};
}

PackedConv packGroup(const Conv2d& op, int64_t groupIn, int64_t group, const std::vector<Folded>& folded) {
  const int64_t taps = op.window.kernelHeight * op.window.kernelWidth;
  std::vector<Epilogue::Part> parts;
  std::vector<const float*>
      lanes;  // the I x KH x KW weights of each output lane; null past a part's last channel
  for (size_t p = 0; p < op.parts.size(); ++p) {
    const int64_t channels = op.parts[p].outChannels / op.groups, first = group * channels;
    parts.push_back({channels, op.parts[p].activation.kind, cut(folded[p].values.bias, first, channels),
                     cut(folded[p].slopes, first, channels)});
    for (int64_t c = 0; c < roundUp(channels, isa().lanes); ++c)
      lanes.push_back(c < channels ? folded[p].values.weight.data() + (first + c) * groupIn * taps : nullptr);
  }
  Epilogue epilogue(parts);
  GemmWeights packed(taps * groupIn, epilogue.vectors(), [&](int64_t k, int64_t lane) {
    const float* weight = lanes[static_cast<size_t>(lane)];
    return weight ? weight[k % groupIn * taps + k / groupIn] : 0.0f;
  });
  return {std::move(epilogue), std::move(packed)};
}

}  // namespace

std::vector<PackedConv> packConv(const Conv2d& op, int64_t inChannels, const Weights& weights,
                                 const std::string& layer) {
  const int64_t groupIn = inChannels / op.groups;
  std::vector<Folded> folded;
  for (const ConvPart& part : op.parts)
    folded.push_back({foldConvPart(part, groupIn, op.window, weights, layer),
                      readSlopes(part.activation, part.outChannels, weights, layer)});
  std::vector<PackedConv> groups;
  for (int64_t group = 0; group < op.groups; ++group) groups.push_back(packGroup(op, groupIn, group, folded));
  return groups;
}

}  // namespace facenet::cpu
