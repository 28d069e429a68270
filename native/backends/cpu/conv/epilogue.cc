#include "native/backends/cpu/conv/epilogue.h"

#include <algorithm>

namespace facenet::cpu {

std::vector<float> readSlopes(const Activation& activation, int64_t channels, const Weights& weights,
                              const std::string& layer) {
  if (activation.kind != Activation::Kind::prelu) return {};
  return weights.read(activation.slope, {channels}, layer, true);
}

Epilogue::Epilogue(const std::vector<Part>& parts) {
  const int64_t lanes = isa().lanes;
  for (size_t p = 0; p < parts.size(); ++p) {
    first_.push_back(vectors());
    kinds_.push_back(parts[p].activation);
    for (int64_t c = 0; c < parts[p].channels; c += lanes)
      columns_.push_back({p, c, std::min(lanes, parts[p].channels - c)});
  }
  bias_ = alignedArray<float>(vectors() * lanes);
  slope_ = alignedArray<float>(vectors() * lanes);
  std::fill_n(bias_.get(), vectors() * lanes, 0.0f);
  std::fill_n(slope_.get(), vectors() * lanes, 0.0f);
  for (size_t p = 0; p < parts.size(); ++p) {
    std::copy(parts[p].bias.begin(), parts[p].bias.end(), bias_.get() + first_[p] * lanes);
    std::copy(parts[p].slopes.begin(), parts[p].slopes.end(), slope_.get() + first_[p] * lanes);
  }
}

void Epilogue::bind(const std::vector<View>& outputs, const View* residual, GemmColumn* columns) const {
  for (size_t v = 0; v < columns_.size(); ++v) {
    const Column& column = columns_[v];
    const View& out = outputs[column.part];
    const int64_t offset = static_cast<int64_t>(v) * isa().lanes;
    columns[v] = {bias_.get() + offset,
                  slope_.get() + offset,
                  residual ? residual->as<float>() + column.channel : nullptr,
                  residual ? residual->pixelStride : 0,
                  out.as<float>() + column.channel,
                  out.pixelStride,
                  column.lanes,
                  kinds_[column.part]};
  }
}

}  // namespace facenet::cpu
