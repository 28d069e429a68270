// The weight gradient of nine taps by Winograd's F(4x4, 3x3) read backwards: 36 products over tiles where the
// direct sum has 144 over the pixels of a tile. Tiles go through in blocks: transforms first, then one product for
// each plane, whose sums are on one thread.
#include <algorithm>

#include "native/backends/cpu/conv/weight_gradient.h"
#include "native/backends/cpu/conv/winograd_tiles.h"
#include "native/core/integers.h"

namespace facenet::cpu {
namespace {

constexpr int64_t kPlanes = 36;
// What the planes of a block of tiles should fit in: the cache that threads share.
constexpr int64_t kBlockBytes = 12 << 20;
constexpr int64_t kMinTiles = 64, kMaxTiles = 512;
constexpr int64_t kItemTiles = 8;

class WinogradWeightGradient final : public WeightGradient {
 public:
  WinogradWeightGradient(const Im2col& im2col, int64_t channels, WeightSource weights,
                         std::vector<int64_t> bias)
      : height_(im2col.height()),
        width_(im2col.width()),
        channels_(channels),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        vectors_(weights_.vectors()),
        inStride_(roundUp(channels, lanes())),
        outStride_(vectors_ * lanes()),
        tiles_(height_, width_, im2col.taps()[0].y, im2col.taps()[0].x, channels),
        panels_(gradientPanels(vectors_)),
        zeros_(static_cast<size_t>(outStride_), 0.0f) {
    blockTiles_ = std::clamp(kBlockBytes / (kPlanes * (inStride_ + outStride_) * 4), kMinTiles, kMaxTiles);
  }

  int64_t scratchFloats(int64_t images) const override {
    return kPlanes * (blockTiles_ * (inStride_ + outStride_) + channels_ * outStride_) + biasFloats(images);
  }

  void add(const Pass& pass, const View& source, const std::vector<GradientColumn>& columns, float* scratch,
           float* gradients) const override {
    float* inputs = scratch;                                      // plane, tile, channel
    float* outputs = inputs + kPlanes * blockTiles_ * inStride_;  // plane, panel, tile, lane
    float* sums = outputs + kPlanes * blockTiles_ * outStride_;   // plane, panel, channel, lane
    float* biases = sums + kPlanes * channels_ * outStride_;      // image, lane
    const int64_t tiles = tiles_.count(source.count);
    for (int64_t first = 0; first < tiles; first += blockTiles_) {
      const int64_t count = std::min(blockTiles_, tiles - first);
      share(pass, ceilDivide(count, kItemTiles), [&](int64_t item) {
        for (int64_t t = item * kItemTiles; t < std::min(count, (item + 1) * kItemTiles); ++t) {
          tiles_.transformInput(source, first + t, inputs + t * inStride_, blockTiles_ * inStride_);
          transformGradient(columns, first + t, t, outputs);
        }
      });
      share(pass, kPlanes, [&](int64_t plane) {
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
  int64_t biasFloats(int64_t images) const { return images * outStride_; }
  // Tile `tile` of the chunk, number t of the block: to panels of whole vectors, as products read them.
  void transformGradient(const std::vector<GradientColumn>& columns, int64_t tile, int64_t t,
                         float* outputs) const {
    const WinogradTiles::Corner corner = tiles_.cornerOf(tile);
    for (const GradientPanel& panel : panels_) {
      const int64_t width = panel.vectors * lanes();
      int64_t channels = 0;
      for (int64_t v = 0; v < panel.vectors; ++v)
        channels += columns[static_cast<size_t>(panel.first + v)].lanes;
      const GradientColumn& column = columns[static_cast<size_t>(panel.first)];
      WinogradGradient task{
          {}, channels, outputs + panel.first * lanes() * blockTiles_ + t * width, blockTiles_ * outStride_};
      for (int64_t y = 0; y < 4; ++y)
        for (int64_t x = 0; x < 4; ++x) {
          const bool here = corner.y + y < height_ && corner.x + x < width_;
          const int64_t pixel = (corner.image * height_ + corner.y + y) * width_ + corner.x + x;
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
      for (const GradientPanel& panel : panels_) {
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
    const GradientPanel& panel = panels_[static_cast<size_t>(v / 3)];
    const int64_t width = panel.vectors * lanes();
    const float* from = sums + panel.first * lanes() * channels_ + (v - panel.first) * lanes();
    alignas(64) float taps[9 * 16];
    for (int64_t c = 0; c < channels_; ++c) {
      isa().winogradTaps(from + c * width, channels_ * outStride_, taps);
      const int64_t row = weights_.rows[static_cast<size_t>(c)];
      for (int64_t l = 0; l < lanes(); ++l) {
        const int64_t column = weights_.columns[static_cast<size_t>(v * lanes() + l)];
        if (column < 0) continue;
        for (int64_t t = 0; t < 9; ++t)
          gradients[row + column + t] += weights_.factor * taps[t * lanes() + l];
      }
    }
  }

  void addBiases(const Pass& pass, const std::vector<GradientColumn>& columns, int64_t images, float* biases,
                 float* gradients) const {
    if (std::all_of(bias_.begin(), bias_.end(), [](int64_t offset) { return offset < 0; })) return;
    share(pass, images, [&](int64_t n) {
      std::vector<double> sums(static_cast<size_t>(outStride_), 0.0);
      for (size_t v = 0; v < columns.size(); ++v) {
        View column{const_cast<float*>(columns[v].gradient) + n * height_ * width_ * columns[v].stride,
                    DType::f32,
                    1,
                    {height_, width_, columns[v].lanes},
                    columns[v].stride};
        isa().channelSums(column, nullptr, nullptr, sums.data() + static_cast<int64_t>(v) * lanes(), nullptr);
      }
      std::copy(sums.begin(), sums.end(), biases + n * outStride_);
    });
    for (int64_t l = 0; l < outStride_; ++l) {
      if (bias_[static_cast<size_t>(l)] < 0) continue;
      float total = 0;
      for (int64_t n = 0; n < images; ++n) total += biases[n * outStride_ + l];
      gradients[bias_[static_cast<size_t>(l)]] += weights_.factor * total;
    }
  }

  int64_t height_, width_, channels_;
  WeightSource weights_;
  std::vector<int64_t> bias_;
  int64_t vectors_;
  int64_t inStride_, outStride_;
  WinogradTiles tiles_;
  std::vector<GradientPanel> panels_;
  int64_t blockTiles_ = 0;
  std::vector<float> zeros_;
};

}  // namespace

std::unique_ptr<WeightGradient> makeWinogradWeightGradient(const Im2col& im2col, int64_t channels,
                                                           WeightSource weights, std::vector<int64_t> bias) {
  return std::make_unique<WinogradWeightGradient>(im2col, channels, std::move(weights), std::move(bias));
}

}  // namespace facenet::cpu
