#include "native/backends/cpu/conv/epilogue.h"

#include <algorithm>

namespace facenet::cpu {

std::vector<float> readSlopes(const Activation& activation, int64_t channels, const Weights& weights,
                              const std::string& layer) {
  if (activation.kind != Activation::Kind::prelu) return {};
  return weights.read(activation.slope, {channels}, layer, true);
}

Epilogue::Epilogue(const std::vector<Part>& parts) : parts_(parts) {
  const int64_t lanes = isa().lanes;
  for (size_t p = 0; p < parts.size(); ++p)
    for (int64_t c = 0; c < parts[p].channels; c += lanes)
      columns_.push_back({p, c, std::min(lanes, parts[p].channels - c)});
}

AlignedArray<float> Epilogue::layOut(const std::vector<std::vector<float>>& values) const {
  const int64_t lanes = isa().lanes;
  AlignedArray<float> laidOut = alignedArray<float>(vectors() * lanes);
  std::fill_n(laidOut.get(), vectors() * lanes, 0.0f);
  for (size_t v = 0; v < columns_.size(); ++v) {
    const Column& column = columns_[v];
    const std::vector<float>& from = values[column.part];
    if (!from.empty())
      std::copy_n(from.begin() + column.channel, column.lanes,
                  laidOut.get() + static_cast<int64_t>(v) * lanes);
  }
  return laidOut;
}

void Epilogue::bind(const std::vector<View>& outputs, const View* residual, const float* bias,
                    const float* slopes, GemmColumn* columns) const {
  for (size_t v = 0; v < columns_.size(); ++v) {
    const Column& column = columns_[v];
    const View& out = outputs[column.part];
    const int64_t offset = static_cast<int64_t>(v) * isa().lanes;
    columns[v] = {bias + offset,
                  slopes ? slopes + offset : nullptr,
                  residual ? residual->as<float>() + column.channel : nullptr,
                  residual ? residual->pixelStride : 0,
                  out.as<float>() + column.channel,
                  out.pixelStride,
                  column.lanes,
                  parts_[column.part].activation};
  }
}

}  // namespace facenet::cpu
