// The sliding sum of nine taps by Winograd's F(4x4, 3x3): input tiles to 36 planes, one product a plane, planes
// to output tiles.
#include <algorithm>

#include "native/backends/cpu/conv/choice.h"
#include "native/backends/cpu/conv/panels.h"
#include "native/backends/cpu/conv/engine.h"
#include "native/backends/cpu/conv/winograd_tiles.h"

namespace facenet::cpu {
namespace {

constexpr int64_t planes = 36;
// What the planes of a block of tiles should fit in, and the least tiles that make up for reading the filters.
constexpr int64_t blockBytes = 2 << 20;
constexpr int64_t leastTiles = 56;

class Winograd final : public Product {
 public:
  Winograd(const Taps& taps, int64_t channels, WeightPlaces places, bool turned)
      : taps_(taps),
        channels_(channels),
        places_(std::move(places)),
        turned_(turned),
        vectors_(static_cast<int64_t>(places_.lanes.size()) / lanes()),
        panels_(choosePanels(vectors_)),
        tileRows_(chooseRows(vectors_)),
        inStride_(roundUp(channels, lanes())),
        outStride_(vectors_ * lanes()),
        tiles_(taps.height, taps.width, taps.offsets[0].y, taps.offsets[0].x, channels),
        noBias_(static_cast<size_t>(lanes()), 0.0f) {
    blockTiles_ =
        roundUp(std::max(leastTiles, blockBytes / (planes * (inStride_ + outStride_) * 4)), tileRows_);
  }

  int64_t packedFloats() const override { return planes * channels_ * outStride_; }
  int64_t packItems() const override { return vectors_; }

  // One vector of filters for all channels.
  void pack(const float* parameters, int64_t item, float* packed) const override {
    const auto panel = static_cast<size_t>(panelOf(item));
    const int64_t width = panels_[panel] * lanes();
    const int64_t* lane = places_.lanes.data() + item * lanes();
    float* out = packed + firstOf(panel) * lanes() * channels_ + (item - firstOf(panel)) * lanes();
    alignas(64) float taps[9 * 16];
    for (const int64_t term : places_.terms) {
      for (int64_t t = 0; t < 9; ++t)
        for (int64_t l = 0; l < lanes(); ++l) {
          const bool there = term >= 0 && lane[l] >= 0;
          const int64_t tap = turned_ ? 8 - t : t;
          taps[t * lanes() + l] = there ? places_.factor * parameters[term + lane[l] + tap] : 0.0f;
        }
      isa().winogradFilter(taps, out, channels_ * outStride_);
      out += width;
    }
  }

  int64_t items(int64_t images) const override {
    return (tiles_.count(images) + blockTiles_ - 1) / blockTiles_;
  }

  void multiply(const View& source, const float* packed, const GemmColumn* columns,
                int64_t item) const override {
    const int64_t first = item * blockTiles_;
    const int64_t count = std::min(blockTiles_, tiles_.count(source.count) - first);
    auto* transformed =
        static_cast<float*>(threadMemory(planes * blockTiles_ * (inStride_ + outStride_) * 4 +
                                         vectors_ * static_cast<int64_t>(sizeof(GemmColumn))));
    float* products = transformed + planes * blockTiles_ * inStride_;
    auto* planeColumns = reinterpret_cast<GemmColumn*>(products + planes * blockTiles_ * outStride_);
    for (int64_t t = 0; t < count; ++t)
      tiles_.transformInput(source, first + t, transformed + t * inStride_, blockTiles_ * inStride_);
    for (int64_t plane = 0; plane < planes; ++plane)
      multiplyPlane(packed + plane * channels_ * outStride_, count,
                    transformed + plane * blockTiles_ * inStride_,
                    products + plane * blockTiles_ * outStride_, planeColumns);
    for (int64_t t = 0; t < count; ++t) transformOutput(first + t, products + t * outStride_, columns);
  }

  std::string describe() const override { return text("winograd 4x4, blocks of ", blockTiles_, " tiles"); }

 private:
  int64_t firstOf(size_t panel) const {
    int64_t before = 0;
    for (size_t p = 0; p < panel; ++p) before += panels_[p];
    return before;
  }
  int64_t panelOf(int64_t vector) const {
    size_t panel = 0;
    while (firstOf(panel + 1) <= vector) ++panel;
    return static_cast<int64_t>(panel);
  }

  void multiplyPlane(const float* packed, int64_t tiles, const float* in, float* out,
                     GemmColumn* columns) const {
    for (int64_t v = 0; v < vectors_; ++v)
      columns[v] = {noBias_.data(), nullptr, nullptr, 0, out + v * lanes(), outStride_, lanes(), {}};
    const float* rows[kMaxTileRows];
    int64_t before = 0;
    for (const int64_t width : panels_) {
      for (int64_t first = 0; first < tiles; first += tileRows_) {
        for (int64_t i = 0; i < tileRows_; ++i) rows[i] = in + std::min(first + i, tiles - 1) * inStride_;
        isa().gemmTile({.rows = rows,
                                      .tapStride = tileRows_,
                                      .valid = std::min(tileRows_, tiles - first),
                                      .taps = 1,
                                      .run = channels_,
                                      .weights = packed + before * lanes() * channels_,
                                      .vectors = width,
                                      .columns = columns + before,
                                      .firstPixel = first});
      }
      before += width;
    }
  }

  void transformOutput(int64_t tile, const float* products, const GemmColumn* columns) const {
    const WinogradTiles::Corner corner = tiles_.cornerOf(tile);
    isa().winogradOutput({products, blockTiles_ * outStride_, columns, vectors_,
                                        (corner.image * taps_.height + corner.y) * taps_.width + corner.x,
                                        taps_.width, std::min<int64_t>(4, taps_.height - corner.y),
                                        std::min<int64_t>(4, taps_.width - corner.x)});
  }

  Taps taps_;
  int64_t channels_;
  WeightPlaces places_;
  bool turned_;
  int64_t vectors_;
  std::vector<int64_t> panels_;
  int64_t tileRows_, inStride_, outStride_;
  WinogradTiles tiles_;
  int64_t blockTiles_ = 0;
  std::vector<float> noBias_;
};

}  // namespace

std::unique_ptr<Product> makeWinograd(const Taps& taps, int64_t channels, WeightPlaces places, bool turned) {
  return std::make_unique<Winograd>(taps, channels, std::move(places), turned);
}

bool suitsWinograd(const Window& window, int64_t inChannels, int64_t outChannels, int64_t height,
                   int64_t width) {
  return window.kernelHeight == 3 && window.kernelWidth == 3 && window.strideHeight == 1 &&
         window.strideWidth == 1 && inChannels >= kWinogradMinChannels &&
         outChannels >= kWinogradMinChannels && height >= 4 && width >= 4;
}

}  // namespace facenet::cpu
