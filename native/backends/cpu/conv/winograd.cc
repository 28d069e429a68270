// The engine for 3x3 taps with stride 1 by Winograd's F(4x4, 3x3): input tiles to 36 planes, one product for each
// plane, planes to output tiles. The products run on the same tile kernel as the implicit GEMM. Error against a direct
// sum: a few times larger (the transforms multiply by up to 8), about 1e-6 of the largest output on networks'
// activations.
#include <algorithm>
#include <array>

#include "native/backends/cpu/conv/engine.h"
#include "native/backends/cpu/conv/winograd_tiles.h"
#include "native/core/error.h"

namespace facenet::cpu {

namespace {

constexpr int64_t kPlanes = 36;
// What the planes of a block of tiles should fit in, inputs and products together: about a core's L2. Late layers
// have more bytes of filters than that, which every block reads again, so blocks are not small; least of all where
// threads share the cache that filters come from.
constexpr int64_t kBlockBytes = 2 << 20;
constexpr int64_t kMinTiles = 28, kMinTilesOfThreads = 56;

// G g G^T for one 3x3 filter, in fp64.
std::array<double, kPlanes> transformFilter(const float* g) {
  constexpr double G[6][3] = {{1.0 / 4, 0, 0},
                              {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                              {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                              {1.0 / 24, 1.0 / 12, 1.0 / 6},
                              {1.0 / 24, -1.0 / 12, 1.0 / 6},
                              {0, 0, 1}};
  double half[6][3] = {};
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k) half[i][j] += G[i][k] * g[k * 3 + j];
  std::array<double, kPlanes> result{};
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j)
      for (int k = 0; k < 3; ++k) result[static_cast<size_t>(i * 6 + j)] += half[i][k] * G[j][k];
  return result;
}

class WinogradEngine final : public ConvEngine {
 public:
  WinogradEngine(const Im2col& im2col, int64_t channels, WeightSource weights, bool rotated)
      : height_(im2col.height()),
        width_(im2col.width()),
        channels_(channels),
        weights_(std::move(weights)),
        rotated_(rotated),
        panels_(weights_.vectors()),
        inStride_(roundUp(channels, lanes())),
        outStride_(panels_.columns()),
        tiles_(height_, width_, im2col.taps()[0].y, im2col.taps()[0].x, channels),
        zeroBias_(static_cast<size_t>(lanes()), 0.0f) {
    FACENET_ASSERT(weights_.depth() == channels);
    const int64_t minTiles = weights_.constant ? kMinTiles : kMinTilesOfThreads;
    const int64_t tileBytes = kPlanes * (inStride_ + outStride_) * 4;
    blockTiles_ = roundUp(std::max(minTiles, kBlockBytes / tileBytes), panels_.tileRows());
  }

  // Plane by plane, each as for a GEMM.
  int64_t packedFloats() const override { return kPlanes * planeFloats(); }
  int64_t packItems() const override { return panels_.vectors(); }

  // One vector of filters for all channels.
  void pack(const float* values, int64_t vector, float* packed) const override {
    const int64_t panel = panels_.of(vector), first = panels_.first(panel);
    const int64_t width = panels_.vectors(panel) * lanes();
    const int64_t* columns = weights_.columns.data() + vector * lanes();
    float* out = packed + first * lanes() * channels_ + (vector - first) * lanes();
    alignas(64) float taps[9 * 16];  // tap, lane
    for (const int64_t row : weights_.rows) {
      for (int64_t t = 0; t < 9; ++t)
        for (int64_t l = 0; l < lanes(); ++l)
          taps[t * lanes() + l] =
              weights_.at(values, row < 0 ? -1 : row + (rotated_ ? 8 - t : t), columns[l]);
      if (weights_.constant)
        transformExactly(taps, out);
      else
        isa().winogradFilter(taps, out, planeFloats());
      out += width;
    }
  }

  int64_t rows(int64_t images) const override { return tiles_.count(images); }
  int64_t maxRows() const override { return blockTiles_; }
  int64_t tileRows() const override { return panels_.tileRows(); }
  int64_t panels() const override { return panels_.count(); }
  bool preparesRows() const override { return true; }

  int64_t scratchBytes() const override {
    return kPlanes * blockTiles_ * (inStride_ + outStride_) * 4 +
           panels_.vectors() * static_cast<int64_t>(sizeof(GemmColumn));
  }

  void multiply(const View& source, const float* packed, const GemmColumn* columns, const OutputPart& part,
                void* scratch) const override {
    const int64_t first = part.firstRow, count = part.endRow - first;
    auto* transformed = static_cast<float*>(scratch);
    float* products = transformed + kPlanes * blockTiles_ * inStride_;
    auto* planeColumns = reinterpret_cast<GemmColumn*>(products + kPlanes * blockTiles_ * outStride_);
    for (int64_t t = 0; t < count; ++t)
      tiles_.transformInput(source, first + t, transformed + t * inStride_, blockTiles_ * inStride_);
    for (int64_t plane = 0; plane < kPlanes; ++plane)
      multiplyPlane(packed + plane * planeFloats(), part, count,
                    transformed + plane * blockTiles_ * inStride_,
                    products + plane * blockTiles_ * outStride_, planeColumns);
    for (int64_t t = 0; t < count; ++t) transformOutput(first + t, products + t * outStride_, columns, part);
  }

  std::string describe() const override {
    return text("winograd 4x4, blocks of ", blockTiles_, " tiles, ", isa().name);
  }

 private:
  int64_t planeFloats() const { return channels_ * outStride_; }

  void transformExactly(const float* taps, float* out) const {
    for (int64_t l = 0; l < lanes(); ++l) {
      float filter[9];
      for (int64_t t = 0; t < 9; ++t) filter[t] = taps[t * lanes() + l];
      const std::array<double, kPlanes> planes = transformFilter(filter);
      for (size_t plane = 0; plane < kPlanes; ++plane)
        out[static_cast<int64_t>(plane) * planeFloats() + l] = static_cast<float>(planes[plane]);
    }
  }

  void multiplyPlane(const float* packed, const OutputPart& part, int64_t tiles, const float* in, float* out,
                     GemmColumn* columns) const {
    for (int64_t v = 0; v < panels_.vectors(); ++v)
      columns[v] = {zeroBias_.data(), nullptr, nullptr, 0, out + v * lanes(), outStride_, lanes(), {}};
    const float* rows[kMaxTileRows];
    const int64_t tileRows = panels_.tileRows();
    for (int64_t panel = part.firstPanel; panel < part.endPanel; ++panel)
      for (int64_t first = 0; first < tiles; first += tileRows) {
        for (int64_t i = 0; i < tileRows; ++i) rows[i] = in + std::min(first + i, tiles - 1) * inStride_;
        panels_.multiply(panel,
                         {.rows = rows,
                          .valid = std::min(tileRows, tiles - first),
                          .taps = 1,
                          .run = channels_,
                          .firstPixel = first},
                         packed, columns);
      }
  }

  void transformOutput(int64_t tile, const float* products, const GemmColumn* columns,
                       const OutputPart& part) const {
    const auto [image, y0, x0] = tiles_.cornerOf(tile);
    const int64_t begin = panels_.first(part.firstPanel);
    const int64_t end = panels_.first(part.endPanel - 1) + panels_.vectors(part.endPanel - 1);
    isa().winogradOutput({products + begin * lanes(), blockTiles_ * outStride_, columns + begin, end - begin,
                          (image * height_ + y0) * width_ + x0, width_, std::min<int64_t>(4, height_ - y0),
                          std::min<int64_t>(4, width_ - x0)});
  }

  int64_t height_, width_, channels_;
  WeightSource weights_;
  bool rotated_;
  Panels panels_;
  int64_t inStride_, outStride_;  // floats of a tile in one plane
  WinogradTiles tiles_;
  int64_t blockTiles_ = 0;
  std::vector<float> zeroBias_;
};

}  // namespace

std::unique_ptr<ConvEngine> makeWinogradEngine(const Im2col& im2col, int64_t channels, WeightSource weights,
                                               bool rotated) {
  return std::make_unique<WinogradEngine>(im2col, channels, std::move(weights), rotated);
}

}  // namespace facenet::cpu
