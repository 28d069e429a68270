// The weight gradient as a GEMM over pixels: tiles of input channels x output channels are summed in registers over a
// block of pixels, blocks in memory. The pixels of a chunk are split (split-K) by shape alone; the splits' sums are
// added in their order.
#include "native/backends/cpu/conv/weight_gradient.h"

#include <algorithm>

namespace facenet::cpu {
namespace {

// Pixels whose packed gradients and inputs share the first-level cache.
constexpr int64_t kBlockPixels = 128;
// A split's sums take as much memory as the weights, so splits are few and long.
constexpr int64_t kMaxSplits = 8, kMinSplitPixels = 4096;

class GemmWeightGradient final : public WeightGradient {
 public:
  GemmWeightGradient(const Im2col& im2col, int64_t run, WeightSource weights, std::vector<int64_t> bias)
      : im2col_(im2col),
        run_(run),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        vectors_(weights_.vectors()),
        panels_(gradientPanels(vectors_)),
        zeros_(static_cast<size_t>(run), 0.0f) {}

  int64_t scratchFloats(int64_t images) const override { return splits(images) * splitFloats(); }

  void add(const Pass& pass, const View& source, const std::vector<GradientColumn>& columns, float* scratch,
           float* gradients) const override {
    const int64_t splits = this->splits(source.count), pixels = source.count * im2col_.pixels();
    const auto panels = static_cast<int64_t>(panels_.size());
    share(pass, splits * panels, [&](int64_t item) {
      const int64_t split = item / panels;
      const GradientPanel& panel = panels_[static_cast<size_t>(item % panels)];
      sum(source, columns, panel, split * pixels / splits, (split + 1) * pixels / splits,
          scratch + split * splitFloats() + panel.first * lanes() * rows());
    });
    const int64_t cut = (im2col_.count() * run_ + 63) / 64;
    share(pass, panels * cut, [&](int64_t item) {
      const int64_t slice = item % cut, weightRows = rows() - 1;
      addUp(panels_[static_cast<size_t>(item / cut)], splits, slice * weightRows / cut,
            (slice + 1) * weightRows / cut, scratch, gradients);
    });
    for (const GradientPanel& panel : panels_) addUp(panel, splits, rows() - 1, rows(), scratch, gradients);
  }

  std::string describe() const override { return text("gradient in splits of ", kMinSplitPixels, " pixels"); }

 private:
  // A row of sums for each row of weights, and one for the biases.
  int64_t rows() const { return im2col_.count() * run_ + 1; }
  int64_t splitFloats() const { return rows() * vectors_ * lanes(); }
  int64_t splits(int64_t images) const {
    return std::clamp<int64_t>(images * im2col_.pixels() / kMinSplitPixels, 1, kMaxSplits);
  }

  void sum(const View& source, const std::vector<GradientColumn>& columns, const GradientPanel& panel,
           int64_t begin, int64_t end, float* sums) const {
    const int64_t width = panel.vectors * lanes();
    std::fill_n(sums, rows() * width, 0.0f);
    auto* packed = static_cast<float*>(
        threadMemory(kBlockPixels * (width * 4 + im2col_.count() * static_cast<int64_t>(sizeof(float*)))));
    auto** pointers = reinterpret_cast<const float**>(packed + kBlockPixels * width);
    for (int64_t first = begin; first < end; first += kBlockPixels) {
      const int64_t count = std::min(kBlockPixels, end - first);
      for (int64_t v = 0; v < panel.vectors; ++v) {
        const GradientColumn& column = columns[static_cast<size_t>(panel.first + v)];
        isa().packGradients(column.gradient + first * column.stride, column.stride, count, column.lanes,
                            width, packed + v * lanes(), sums + (rows() - 1) * width + v * lanes());
      }
      im2col_.point(source, zeros_.data(), first, first + count, kBlockPixels, pointers);
      for (int64_t tap = 0; tap < im2col_.count(); ++tap)
        isa().gradientTile({.rows = pointers + tap * kBlockPixels,
                            .first = 0,
                            .channels = run_,
                            .gradients = packed,
                            .pixels = count,
                            .vectors = panel.vectors,
                            .sums = sums + tap * run_ * width});
    }
  }

  // The sums of all splits for rows [begin, end) of a panel, to where the parameters are.
  void addUp(const GradientPanel& panel, int64_t splits, int64_t begin, int64_t end, const float* scratch,
             float* gradients) const {
    const int64_t width = panel.vectors * lanes(), weightRows = rows() - 1;
    const float* first = scratch + panel.first * lanes() * rows();
    // Lane by lane: the weights of an output channel lie together.
    for (int64_t l = 0; l < width; ++l) {
      const auto lane = static_cast<size_t>(panel.first * lanes() + l);
      for (int64_t row = begin; row < end; ++row) {
        const int64_t column = row < weightRows ? weights_.columns[lane] : bias_[lane];
        const int64_t offset = row < weightRows ? weights_.rows[static_cast<size_t>(row)] : 0;
        if (column < 0 || offset < 0) continue;
        float total = 0;
        for (int64_t p = 0; p < splits; ++p) total += first[p * splitFloats() + row * width + l];
        gradients[column + offset] += weights_.factor * total;
      }
    }
  }

  Im2col im2col_;
  int64_t run_;
  WeightSource weights_;
  std::vector<int64_t> bias_;
  int64_t vectors_;
  std::vector<GradientPanel> panels_;
  std::vector<float> zeros_;
};

}  // namespace

std::unique_ptr<WeightGradient> makeGemmWeightGradient(const Im2col& im2col, int64_t run,
                                                       WeightSource weights, std::vector<int64_t> bias) {
  return std::make_unique<GemmWeightGradient>(im2col, run, std::move(weights), std::move(bias));
}

}  // namespace facenet::cpu
