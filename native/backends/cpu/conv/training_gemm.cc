// The sliding sum as an implicit GEMM: rows are grid pixels, read where they lie.
#include <algorithm>

#include "native/backends/cpu/conv/panels.h"
#include "native/backends/cpu/conv/engine.h"

namespace facenet::cpu {
namespace {

// Pixels of an item: their inputs should stay in L2 while all panels of weights go over them, and the weights
// come from far away once an item.
constexpr int64_t itemBytes = 512 << 10;
// Terms of a lane that are packed in a row; the packed block stays in the first-level cache.
constexpr int64_t packedTerms = 64;
constexpr int64_t leastItemPixels = 192, mostItemPointers = 8192;

class Gemm final : public Product {
 public:
  Gemm(const Taps& taps, int64_t channels, WeightPlaces places)
      : taps_(taps),
        channels_(channels),
        places_(std::move(places)),
        vectors_(static_cast<int64_t>(places_.lanes.size()) / lanes()),
        panels_(choosePanels(vectors_)),
        tileRows_(chooseRows(vectors_)),
        zeros_(static_cast<size_t>(channels), 0.0f) {
    int64_t before = 0;
    for (int64_t width : panels_) {
      first_.push_back(before);
      before += width;
    }
    const int64_t pixelBytes = taps.strideHeight * taps.strideWidth * channels * 4;
    int64_t pixels = std::max(itemBytes / pixelBytes, leastItemPixels);
    pixels = std::max<int64_t>(std::min(pixels, mostItemPointers / taps.count()), 1);
    itemPixels_ = roundUp(pixels, tileRows_);
    lanesApart_ =
        places_.terms.size() > 1 && places_.lanes[1] - places_.lanes[0] > places_.terms[1] - places_.terms[0];
  }

  int64_t packedFloats() const override { return depth() * vectors_ * lanes(); }
  int64_t packItems() const override { return static_cast<int64_t>(panels_.size()); }

  void pack(const float* parameters, int64_t item, float* packed) const override {
    const int64_t width = panels_[static_cast<size_t>(item)] * lanes();
    const int64_t first = first_[static_cast<size_t>(item)] * lanes();
    const int64_t* lane = places_.lanes.data() + first;
    float* out = packed + first * depth();
    const auto value = [&](int64_t k, int64_t l) {
      const int64_t term = places_.terms[static_cast<size_t>(k)];
      return term < 0 || lane[l] < 0 ? 0.0f : places_.factor * parameters[term + lane[l]];
    };
    // Weights are read along whichever of lanes and terms has them closer together.
    const int64_t block = lanesApart_ ? packedTerms : 1;
    for (int64_t begin = 0; begin < depth(); begin += block)
      for (int64_t l = 0; l < width; ++l)
        for (int64_t k = begin; k < std::min(begin + block, depth()); ++k) out[k * width + l] = value(k, l);
  }

  int64_t items(int64_t images) const override {
    return (images * taps_.pixels() + itemPixels_ - 1) / itemPixels_;
  }

  void multiply(const View& source, const float* packed, const GemmColumn* columns,
                int64_t item) const override {
    const int64_t begin = item * itemPixels_;
    const int64_t end = std::min(begin + itemPixels_, source.count * taps_.pixels());
    auto** rows = static_cast<const float**>(
        threadMemory(itemPixels_ * taps_.count() * static_cast<int64_t>(sizeof(float*))));
    for (int64_t first = begin; first < end; first += tileRows_) {
      const float** tile = rows + (first - begin) * taps_.count();
      taps_.point(source, zeros_.data(), first, end, tileRows_, tile);
      dropDeadTaps(tile);
    }
    for (size_t panel = 0; panel < panels_.size(); ++panel)
      for (int64_t first = begin; first < end; first += tileRows_)
        isa().gemmTile({.rows = rows + (first - begin) * taps_.count(),
                                      .tapStride = tileRows_,
                                      .valid = std::min(tileRows_, end - first),
                                      .taps = taps_.count(),
                                      .run = channels_,
                                      .weights = packed + first_[panel] * lanes() * depth(),
                                      .vectors = panels_[panel],
                                      .columns = columns + first_[panel],
                                      .firstPixel = first});
  }

  std::string describe() const override {
    return text("implicit_gemm ", tileRows_, "x", panels_[0] * lanes());
  }

 private:
  int64_t depth() const { return static_cast<int64_t>(places_.terms.size()); }

  // Marks the taps that are outside for every pixel of the tile, so that they are not multiplied.
  void dropDeadTaps(const float** rows) const {
    for (int64_t tap = 0; tap < taps_.count(); ++tap, rows += tileRows_)
      if (std::all_of(rows, rows + tileRows_, [&](const float* row) { return row == zeros_.data(); }))
        rows[0] = nullptr;
  }

  Taps taps_;
  int64_t channels_;
  WeightPlaces places_;
  int64_t vectors_;
  std::vector<int64_t> panels_, first_;  // vectors a panel, and those before it
  int64_t tileRows_, itemPixels_ = 0;
  std::vector<float> zeros_;
  bool lanesApart_ = false;
};

}  // namespace

std::unique_ptr<Product> makeGemm(const Taps& taps, int64_t channels, WeightPlaces places) {
  return std::make_unique<Gemm>(taps, channels, std::move(places));
}

}  // namespace facenet::cpu
