#include "native/backends/cuda/conv/weights.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "native/core/integers.h"
#include "native/graph/plan.h"

namespace facenet::cuda {
namespace {

void store(float value, DType dtype, char* to) {
  const uint16_t half = dtype == DType::bf16 ? toBf16(value).bits : toF16(value).bits;
  if (dtype == DType::f32)
    std::memcpy(to, &value, sizeof value);
  else
    std::memcpy(to, &half, sizeof half);
}

PackedColumns emptyColumns(DType dtype, int64_t groups, int64_t taps, int64_t channels, int64_t columns) {
  PackedColumns packed;
  packed.dtype = dtype;
  packed.groups = groups;
  packed.columns = columns;
  packed.tapTerms = roundUp(channels, 16 / static_cast<int64_t>(byteSize(dtype)));
  packed.rowTerms = packed.tapTerms * taps;
  packed.weight.resize(static_cast<size_t>(groups * columns * packed.rowTerms) * byteSize(dtype));
  packed.bias.resize(static_cast<size_t>(groups * columns));
  return packed;
}

// Fills row `row` from the taps x channels values of valueAt(tap, channel).
template <class ValueAt>
void fillRow(PackedColumns& packed, int64_t row, int64_t taps, int64_t channels, ValueAt valueAt) {
  const auto bytes = static_cast<int64_t>(byteSize(packed.dtype));
  for (int64_t tap = 0; tap < taps; ++tap) {
    char* to = packed.weight.data() + (row * packed.rowTerms + tap * packed.tapTerms) * bytes;
    for (int64_t channel = 0; channel < channels; ++channel, to += bytes)
      store(valueAt(tap, channel), packed.dtype, to);
  }
}

// rows[c]: where channel c's slope goes.
void fillSlopes(PackedColumns& packed, const Activation& activation, const std::vector<int64_t>& rows,
                const Weights& weights, const std::string& layer) {
  if (activation.kind != Activation::Kind::prelu) return;
  packed.slope.resize(packed.bias.size());
  const auto channels = static_cast<int64_t>(rows.size());
  const std::vector<float> slope = weights.read(activation.slope, {channels}, layer, /*allowScalar=*/true);
  for (size_t c = 0; c < rows.size(); ++c) packed.slope[static_cast<size_t>(rows[c])] = slope[c];
}

}  // namespace

PackedColumns packConv(const Conv2d& op, int64_t inChannels, DType dtype, const Weights& weights,
                       const std::string& layer) {
  const int64_t taps = op.window.kernelHeight * op.window.kernelWidth, channels = inChannels / op.groups;
  FACENET_ASSERT(op.groups == 1 || op.parts.size() == 1);
  std::vector<int64_t> firstColumns;
  int64_t columns = 0;
  for (const ConvPart& part : op.parts) {
    firstColumns.push_back(columns);
    columns += roundUp(part.outChannels / op.groups, kColumnAlignment);
  }
  PackedColumns packed = emptyColumns(dtype, op.groups, taps, channels, columns);
  packed.firstColumns = firstColumns;
  for (size_t p = 0; p < op.parts.size(); ++p) {
    const ConvPart& part = op.parts[p];
    const int64_t perGroup = part.outChannels / op.groups;
    const FoldedWeights folded = foldConvPart(part, channels, op.window, weights, layer);
    std::vector<int64_t> rows;  // of each output channel
    for (int64_t o = 0; o < part.outChannels; ++o)
      rows.push_back(o / perGroup * columns + firstColumns[p] + o % perGroup);
    for (int64_t o = 0; o < part.outChannels; ++o) {
      const int64_t row = rows[static_cast<size_t>(o)];
      const float* stored = folded.weight.data() + o * channels * taps;
      fillRow(packed, row, taps, channels,
              [&](int64_t tap, int64_t channel) { return stored[channel * taps + tap]; });
      packed.bias[static_cast<size_t>(row)] = folded.bias[static_cast<size_t>(o)];
    }
    fillSlopes(packed, part.activation, rows, weights, layer);
  }
  return packed;
}

PackedColumns packFullyConnected(const FullyConnected& op, const Shape& in, DType dtype,
                                 const Weights& weights, const std::string& layer) {
  const int64_t taps = in.pixels(), channels = in.channels;
  const FoldedWeights folded = foldFullyConnected(op, in.elements(), weights, layer);
  PackedColumns packed = emptyColumns(dtype, 1, taps, channels, roundUp(op.outFeatures, kColumnAlignment));
  packed.firstColumns = {0};
  for (int64_t o = 0; o < op.outFeatures; ++o) {
    const float* stored = folded.weight.data() + o * in.elements();
    fillRow(packed, o, taps, channels, [&](int64_t tap, int64_t channel) {
      return stored[op.channelsFirst ? channel * taps + tap : tap * channels + channel];
    });
  }
  std::ranges::copy(folded.bias, packed.bias.begin());
  std::vector<int64_t> rows(static_cast<size_t>(op.outFeatures / op.maxout));
  std::iota(rows.begin(), rows.end(), 0);
  fillSlopes(packed, op.activation, rows, weights, layer);
  return packed;
}

DeviceColumns::DeviceColumns(const PackedColumns& packed)
    : weight_(static_cast<int64_t>(packed.weight.size())),
      bias_(static_cast<int64_t>(packed.bias.size())),
      slope_(static_cast<int64_t>(packed.slope.size())),
      firstColumns_(packed.firstColumns) {
  weight_.copyFrom(packed.weight.data());
  bias_.copyFrom(packed.bias.data());
  slope_.copyFrom(packed.slope.data());
  shape_ = {.dtype = packed.dtype,
            .columns = packed.columns,
            .tapTerms = packed.tapTerms,
            .rowTerms = packed.rowTerms,
            .groups = packed.groups};
}

ConvWeights DeviceColumns::weights() const {
  ConvWeights result = shape_;
  result.weight = weight_.data();
  result.bias = bias_.data();
  result.slope = slope_.data();
  return result;
}

int64_t DeviceColumns::bytes() const {
  return static_cast<int64_t>(weight_.bytes() + bias_.bytes() + slope_.bytes());
}

}  // namespace facenet::cuda
