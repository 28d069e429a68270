#include "native/backends/cpu/conv/panels.h"

namespace facenet::cpu {

namespace {

bool tall(int64_t vectors) {
  return vectors <= 2 || vectors == 4;
}

}  // namespace

std::vector<int64_t> choosePanels(int64_t vectors) {
  std::vector<int64_t> panels;
  while (vectors > 0) {
    panels.push_back(std::min<int64_t>(vectors, tall(vectors) ? 2 : 3));
    vectors -= panels.back();
  }
  return panels;
}

int64_t chooseRows(int64_t vectors) {
  return tall(vectors) ? isa().tallRows : isa().wideRows;
}

GemmWeights::GemmWeights(int64_t depth, int64_t vectors, const std::function<float(int64_t, int64_t)>& value)
    : depth_(depth),
      rows_(chooseRows(vectors)),
      panels_(choosePanels(vectors)),
      data_(alignedArray<float>(depth * vectors * isa().lanes)) {
  float* out = data_.get();
  int64_t before = 0;
  for (int64_t width : panels_) {
    first_.push_back(before);
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t lane = 0; lane < width * isa().lanes; ++lane)
        *out++ = value(k, before * isa().lanes + lane);
    before += width;
  }
}

}  // namespace facenet::cpu
