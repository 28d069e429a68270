// The weight gradient as a GEMM over pixels: tiles of input channels x output channels are summed in registers
// over a block of pixels, blocks in memory. The pixels of a chunk are cut into pieces by shape alone; the
// pieces' sums are added in their order.
#include "native/backends/cpu/conv/weight_gradient.h"

#include <algorithm>

namespace facenet::cpu {
namespace {

// Pixels whose packed gradients and inputs share the first-level cache.
constexpr int64_t blockPixels = 128;
// A piece's sums take as much memory as the weights, so pieces are few and long.
constexpr int64_t mostPieces = 8, leastPiecePixels = 4096;

class DirectGradient final : public WeightGradient {
 public:
  DirectGradient(const Taps& taps, int64_t channels, WeightPlaces places, std::vector<int64_t> bias)
      : taps_(taps),
        channels_(channels),
        places_(std::move(places)),
        bias_(std::move(bias)),
        vectors_(static_cast<int64_t>(places_.lanes.size()) / lanes()),
        zeros_(static_cast<size_t>(channels), 0.0f) {
    for (int64_t first = 0; first < vectors_; first += 3)
      panels_.push_back({first, std::min<int64_t>(3, vectors_ - first)});
  }

  int64_t scratchFloats(int64_t images) const override { return pieces(images) * pieceFloats(); }

  void add(const Pass& pass, const View& source, const std::vector<GradientColumn>& columns, float* scratch,
           float* gradients) const override {
    const int64_t parts = pieces(source.count), pixels = source.count * taps_.pixels();
    const auto panels = static_cast<int64_t>(panels_.size());
    share(pass, parts * panels, [&](int64_t item) {
      const int64_t piece = item / panels;
      const Panel& panel = panels_[static_cast<size_t>(item % panels)];
      sum(source, columns, panel, piece * pixels / parts, (piece + 1) * pixels / parts,
          scratch + piece * pieceFloats() + panel.first * lanes() * rows());
    });
    const int64_t cut = (taps_.count() * channels_ + 63) / 64;
    share(pass, panels * cut, [&](int64_t item) {
      const int64_t slice = item % cut, terms = taps_.count() * channels_;
      addUp(panels_[static_cast<size_t>(item / cut)], parts, slice * terms / cut, (slice + 1) * terms / cut,
            scratch, gradients);
    });
    for (const Panel& panel : panels_) addUp(panel, parts, rows() - 1, rows(), scratch, gradients);
  }

  std::string describe() const override {
    return text("gradient in pieces of ", leastPiecePixels, " pixels");
  }

 private:
  struct Panel {
    int64_t first, vectors;
  };

  // A row of sums a term, and one for the biases.
  int64_t rows() const { return taps_.count() * channels_ + 1; }
  int64_t pieceFloats() const { return rows() * vectors_ * lanes(); }
  int64_t pieces(int64_t images) const {
    return std::clamp<int64_t>(images * taps_.pixels() / leastPiecePixels, 1, mostPieces);
  }

  void sum(const View& source, const std::vector<GradientColumn>& columns, const Panel& panel, int64_t begin,
           int64_t end, float* sums) const {
    const int64_t width = panel.vectors * lanes();
    std::fill_n(sums, rows() * width, 0.0f);
    auto* packed = static_cast<float*>(
        threadMemory(blockPixels * (width * 4 + taps_.count() * static_cast<int64_t>(sizeof(float*)))));
    auto** pointers = reinterpret_cast<const float**>(packed + blockPixels * width);
    for (int64_t first = begin; first < end; first += blockPixels) {
      const int64_t count = std::min(blockPixels, end - first);
      for (int64_t v = 0; v < panel.vectors; ++v) {
        const GradientColumn& column = columns[static_cast<size_t>(panel.first + v)];
        isa().packGradients(column.gradient + first * column.stride, column.stride, count, column.lanes,
                                 width, packed + v * lanes(), sums + (rows() - 1) * width + v * lanes());
      }
      taps_.point(source, zeros_.data(), first, first + count, blockPixels, pointers);
      for (int64_t tap = 0; tap < taps_.count(); ++tap)
        isa().gradientTile({.rows = pointers + tap * blockPixels,
                                 .first = 0,
                                 .channels = channels_,
                                 .gradients = packed,
                                 .pixels = count,
                                 .vectors = panel.vectors,
                                 .sums = sums + tap * channels_ * width});
    }
  }

  // The sums of all pieces for rows [begin, end) of a panel, to their places.
  void addUp(const Panel& panel, int64_t parts, int64_t begin, int64_t end, const float* scratch,
             float* gradients) const {
    const int64_t width = panel.vectors * lanes(), terms = rows() - 1;
    const float* first = scratch + panel.first * lanes() * rows();
    // Lane by lane: the weights of an output channel lie together.
    for (int64_t l = 0; l < width; ++l) {
      const auto lane = static_cast<size_t>(panel.first * lanes() + l);
      for (int64_t row = begin; row < end; ++row) {
        const int64_t place = row < terms ? places_.lanes[lane] : bias_[lane];
        const int64_t term = row < terms ? places_.terms[static_cast<size_t>(row)] : 0;
        if (place < 0 || term < 0) continue;
        float total = 0;
        for (int64_t p = 0; p < parts; ++p) total += first[p * pieceFloats() + row * width + l];
        gradients[place + term] += places_.factor * total;
      }
    }
  }

  Taps taps_;
  int64_t channels_;
  WeightPlaces places_;
  std::vector<int64_t> bias_;
  int64_t vectors_;
  std::vector<Panel> panels_;
  std::vector<float> zeros_;
};

}  // namespace

std::unique_ptr<WeightGradient> makeDirectGradient(const Taps& taps, int64_t channels, WeightPlaces places,
                                                   std::vector<int64_t> bias) {
  return std::make_unique<DirectGradient>(taps, channels, std::move(places), std::move(bias));
}

}  // namespace facenet::cpu
