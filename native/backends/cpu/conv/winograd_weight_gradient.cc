// The weight gradient of nine taps by Winograd's F(4x4, 3x3) read backwards: 36 products over tiles where the
// direct sum has 144 over the pixels of a tile. Tiles go through in blocks: transforms first, then a product a
// plane, each plane's sums on one thread.
#include <algorithm>

#include "native/backends/cpu/conv/weight_gradient.h"
#include "native/backends/cpu/conv/winograd_tiles.h"

namespace facenet::cpu {
namespace {

constexpr int64_t planes = 36;
// What the planes of a block of tiles should fit in: the cache that threads share.
constexpr int64_t blockBytes = 12 << 20;
constexpr int64_t leastTiles = 64, mostTiles = 512;
constexpr int64_t tilesAnItem = 8;

class WinogradGradientKernel final : public WeightGradient {
 public:
  WinogradGradientKernel(const Taps& taps, int64_t channels, WeightPlaces places, std::vector<int64_t> bias)
      : taps_(taps),
        channels_(channels),
        places_(std::move(places)),
        bias_(std::move(bias)),
        vectors_(static_cast<int64_t>(places_.lanes.size()) / lanes()),
        inStride_(roundUp(channels, lanes())),
        outStride_(vectors_ * lanes()),
        tiles_(taps.height, taps.width, taps.offsets[0].y, taps.offsets[0].x, channels),
        zeros_(static_cast<size_t>(outStride_), 0.0f) {
    for (int64_t first = 0; first < vectors_; first += 3)
      panels_.push_back({first, std::min<int64_t>(3, vectors_ - first)});
    blockTiles_ = std::clamp(blockBytes / (planes * (inStride_ + outStride_) * 4), leastTiles, mostTiles);
  }

  int64_t scratchFloats(int64_t images) const override {
    return planes * (blockTiles_ * (inStride_ + outStride_) + channels_ * outStride_) + biasFloats(images);
  }

  void add(const Pass& pass, const View& source, const std::vector<GradientColumn>& columns, float* scratch,
           float* gradients) const override {
    float* inputs = scratch;                                     // plane, tile, channel
    float* outputs = inputs + planes * blockTiles_ * inStride_;  // plane, panel, tile, lane
    float* sums = outputs + planes * blockTiles_ * outStride_;   // plane, panel, channel, lane
    float* biases = sums + planes * channels_ * outStride_;      // image, lane
    const int64_t tiles = tiles_.count(source.count);
    for (int64_t first = 0; first < tiles; first += blockTiles_) {
      const int64_t count = std::min(blockTiles_, tiles - first);
      share(pass, (count + tilesAnItem - 1) / tilesAnItem, [&](int64_t item) {
        for (int64_t t = item * tilesAnItem; t < std::min(count, (item + 1) * tilesAnItem); ++t) {
          tiles_.transformInput(source, first + t, inputs + t * inStride_, blockTiles_ * inStride_);
          transformGradient(columns, first + t, t, outputs);
        }
      });
      share(pass, planes, [&](int64_t plane) {
        multiplyPlane(count, inputs + plane * blockTiles_ * inStride_,
                      outputs + plane * blockTiles_ * outStride_, sums + plane * channels_ * outStride_,
                      first == 0);
      });
    }
    share(pass, vectors_, [&](int64_t v) { addTaps(v, sums, gradients); });
    addBiases(pass, columns, source.count, biases, gradients);
  }

  std::string describe() const override { return text("winograd over blocks of ", blockTiles_, " tiles"); }

 private:
  struct Panel {
    int64_t first, vectors;
  };
  int64_t biasFloats(int64_t images) const { return images * outStride_; }
  // Tile `tile` of the chunk, number t of the block: to panels of whole vectors, as products read them.
  void transformGradient(const std::vector<GradientColumn>& columns, int64_t tile, int64_t t,
                         float* outputs) const {
    const WinogradTiles::Corner corner = tiles_.cornerOf(tile);
    for (const Panel& panel : panels_) {
      const int64_t width = panel.vectors * lanes();
      int64_t channels = 0;
      for (int64_t v = 0; v < panel.vectors; ++v)
        channels += columns[static_cast<size_t>(panel.first + v)].lanes;
      const GradientColumn& column = columns[static_cast<size_t>(panel.first)];
      WinogradGradient task{
          {}, channels, outputs + panel.first * lanes() * blockTiles_ + t * width, blockTiles_ * outStride_};
      for (int64_t y = 0; y < 4; ++y)
        for (int64_t x = 0; x < 4; ++x) {
          const bool here = corner.y + y < taps_.height && corner.x + x < taps_.width;
          const int64_t pixel = (corner.image * taps_.height + corner.y + y) * taps_.width + corner.x + x;
          task.pixels[y * 4 + x] = here ? column.gradient + pixel * column.stride : zeros_.data();
        }
      isa().winogradGradient(task);
    }
  }

  void multiplyPlane(int64_t tiles, const float* inputs, const float* outputs, float* sums,
                     bool first) const {
    if (first) std::fill_n(sums, channels_ * outStride_, 0.0f);
    // Tiles that share the first-level cache with a panel of gradients.
    constexpr int64_t together = 128;
    const float* rows[together];
    for (int64_t begin = 0; begin < tiles; begin += together) {
      const int64_t count = std::min(together, tiles - begin);
      for (int64_t i = 0; i < count; ++i) rows[i] = inputs + (begin + i) * inStride_;
      for (const Panel& panel : panels_) {
        const int64_t width = panel.vectors * lanes();
        isa().gradientTile({.rows = rows,
                                 .first = 0,
                                 .channels = channels_,
                                 .gradients = outputs + panel.first * lanes() * blockTiles_ + begin * width,
                                 .pixels = count,
                                 .vectors = panel.vectors,
                                 .sums = sums + panel.first * lanes() * channels_});
      }
    }
  }

  // The nine taps of one vector of output channels, all input channels.
  void addTaps(int64_t v, const float* sums, float* gradients) const {
    const Panel& panel = panels_[static_cast<size_t>(v / 3)];
    const int64_t width = panel.vectors * lanes();
    const float* from = sums + panel.first * lanes() * channels_ + (v - panel.first) * lanes();
    alignas(64) float taps[9 * 16];
    for (int64_t c = 0; c < channels_; ++c) {
      isa().winogradTaps(from + c * width, channels_ * outStride_, taps);
      const int64_t term = places_.terms[static_cast<size_t>(c)];
      for (int64_t l = 0; l < lanes(); ++l) {
        const int64_t lane = places_.lanes[static_cast<size_t>(v * lanes() + l)];
        if (lane < 0) continue;
        for (int64_t t = 0; t < 9; ++t) gradients[term + lane + t] += places_.factor * taps[t * lanes() + l];
      }
    }
  }

  void addBiases(const Pass& pass, const std::vector<GradientColumn>& columns, int64_t images, float* biases,
                 float* gradients) const {
    if (std::all_of(bias_.begin(), bias_.end(), [](int64_t place) { return place < 0; })) return;
    share(pass, images, [&](int64_t n) {
      std::vector<double> sums(static_cast<size_t>(outStride_), 0.0);
      for (size_t v = 0; v < columns.size(); ++v) {
        View column{const_cast<float*>(columns[v].gradient) + n * taps_.pixels() * columns[v].stride,
                    DType::f32,
                    1,
                    {taps_.height, taps_.width, columns[v].lanes},
                    columns[v].stride};
        isa().channelSums(column, nullptr, nullptr, sums.data() + static_cast<int64_t>(v) * lanes(),
                               nullptr);
      }
      std::copy(sums.begin(), sums.end(), biases + n * outStride_);
    });
    for (int64_t l = 0; l < outStride_; ++l) {
      if (bias_[static_cast<size_t>(l)] < 0) continue;
      float total = 0;
      for (int64_t n = 0; n < images; ++n) total += biases[n * outStride_ + l];
      gradients[bias_[static_cast<size_t>(l)]] += places_.factor * total;
    }
  }

  Taps taps_;
  int64_t channels_;
  WeightPlaces places_;
  std::vector<int64_t> bias_;
  int64_t vectors_;
  int64_t inStride_, outStride_;
  WinogradTiles tiles_;
  int64_t blockTiles_ = 0;
  std::vector<Panel> panels_;
  std::vector<float> zeros_;
};

}  // namespace

std::unique_ptr<WeightGradient> makeWinogradGradient(const Taps& taps, int64_t channels, WeightPlaces places,
                                                     std::vector<int64_t> bias) {
  return std::make_unique<WinogradGradientKernel>(taps, channels, std::move(places), std::move(bias));
}

}  // namespace facenet::cpu
