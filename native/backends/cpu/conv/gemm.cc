// The engine as an implicit GEMM: rows are output pixels, whose inputs are read where they lie. Padding is a pointer
// to zeros, a slice of a concat is an output stride, sibling 1x1 reductions are more columns.
#include <algorithm>

#include "native/backends/cpu/conv/engine.h"
#include "native/core/error.h"

namespace facenet::cpu {

namespace {

// Pixels of an item: their inputs should stay in L2 while all panels of weights go over them, and the weights come
// from far away once an item. Their pointers take memory too.
constexpr int64_t kItemBytes = 512 << 10;
constexpr int64_t kMinItemPixels = 192, kMaxItemPointers = 4096;
// Rows of K that are packed together where weights are read along K; the packed block stays in the L1 cache.
constexpr int64_t kPackedRows = 64;

class GemmEngine final : public ConvEngine {
 public:
  GemmEngine(const Im2col& im2col, int64_t run, WeightSource weights, bool stem)
      : im2col_(im2col),
        run_(run),
        weights_(std::move(weights)),
        stem_(stem),
        panels_(weights_.vectors()),
        zeros_(static_cast<size_t>(run), 0.0f) {
    FACENET_ASSERT(weights_.depth() == im2col.count() * run);
    // Neighbouring windows overlap, so a pixel brings about stride^2 new pixels of input.
    const int64_t pixelBytes = im2col.stridePixels() * run * 4;
    int64_t pixels = std::max(kItemBytes / pixelBytes, kMinItemPixels);
    pixels = std::max<int64_t>(std::min(pixels, kMaxItemPointers / im2col.count()), 1);
    itemPixels_ = roundUp(pixels, panels_.tileRows());
    const auto &rows = weights_.rows, &columns = weights_.columns;
    columnsApart_ = rows.size() > 1 && columns[1] - columns[0] > rows[1] - rows[0];
  }

  int64_t packedFloats() const override { return weights_.depth() * panels_.columns(); }
  int64_t packItems() const override { return panels_.count(); }

  void pack(const float* values, int64_t panel, float* packed) const override {
    const int64_t width = panels_.vectors(panel) * lanes(), first = panels_.first(panel) * lanes();
    const int64_t depth = weights_.depth();
    const int64_t *rows = weights_.rows.data(), *columns = weights_.columns.data() + first;
    float* out = packed + first * depth;
    // Weights are read along whichever of columns and rows has them closer together.
    const int64_t block = columnsApart_ ? kPackedRows : 1;
    for (int64_t begin = 0; begin < depth; begin += block)
      for (int64_t n = 0; n < width; ++n)
        for (int64_t k = begin; k < std::min(begin + block, depth); ++k)
          out[k * width + n] = weights_.at(values, rows[k], columns[n]);
  }

  int64_t rows(int64_t images) const override { return images * im2col_.pixels(); }
  int64_t maxRows() const override { return itemPixels_; }
  int64_t tileRows() const override { return panels_.tileRows(); }
  int64_t panels() const override { return panels_.count(); }
  bool preparesRows() const override { return stem_; }

  int64_t scratchBytes() const override {
    if (stem_)
      return pointerBytes(panels_.tileRows()) + (panels_.tileRows() * weights_.depth() + lanes()) * 4;
    return pointerBytes(itemPixels_);
  }

  void multiply(const View& source, const float* packed, const GemmColumn* columns, const OutputPart& part,
                void* scratch) const override {
    if (stem_)
      multiplyLaidOut(source, packed, columns, part, scratch);
    else
      multiplyInPlace(source, packed, columns, part, static_cast<const float**>(scratch));
  }

  std::string describe() const override { return (stem_ ? "stem " : "implicit_gemm ") + panels_.describe(); }

 private:
  int64_t pointerBytes(int64_t pixels) const {
    return roundUp(pixels * im2col_.count() * static_cast<int64_t>(sizeof(float*)), 64);
  }

  void multiplyInPlace(const View& source, const float* packed, const GemmColumn* columns,
                       const OutputPart& part, const float** rows) const {
    const int64_t begin = part.firstRow, end = part.endRow;
    const bool hangsOver = im2col_.hangsOver(source.shape);
    const int64_t tileRows = panels_.tileRows(), taps = im2col_.count();
    for (int64_t first = begin; first < end; first += tileRows) {
      const float** tile = rows + (first - begin) * taps;
      im2col_.point(source, zeros_.data(), first, end, tileRows, tile);
      if (hangsOver) dropDeadTaps(tile);
    }
    for (int64_t panel = part.firstPanel; panel < part.endPanel; ++panel)
      for (int64_t first = begin; first < end; first += tileRows)
        panels_.multiply(panel,
                         {.rows = rows + (first - begin) * taps,
                          .valid = std::min(tileRows, end - first),
                          .taps = taps,
                          .run = run_,
                          .firstPixel = first},
                         packed, columns);
  }

  // Tile by tile: a tile's rows of K floats each are gathered in L1 and multiplied as one long run.
  void multiplyLaidOut(const View& source, const float* packed, const GemmColumn* columns,
                       const OutputPart& part, void* scratch) const {
    const int64_t tileRows = panels_.tileRows(), depth = weights_.depth();
    auto** runs = static_cast<const float**>(scratch);
    auto* gathered = reinterpret_cast<float*>(static_cast<char*>(scratch) + pointerBytes(tileRows));
    const float* rows[kMaxTileRows];
    for (int64_t first = part.firstRow; first < part.endRow; first += tileRows) {
      const int64_t count = std::min(tileRows, part.endRow - first);
      im2col_.point(source, zeros_.data(), first, part.endRow, tileRows, runs);
      isa().packRuns(runs, tileRows, count, im2col_.count(), run_, gathered, depth);
      for (int64_t i = 0; i < tileRows; ++i) rows[i] = gathered + std::min(i, count - 1) * depth;
      for (int64_t panel = part.firstPanel; panel < part.endPanel; ++panel)
        panels_.multiply(panel, {.rows = rows, .valid = count, .taps = 1, .run = depth, .firstPixel = first},
                         packed, columns);
    }
  }

  // Marks the taps that are padding for every pixel of the tile, so that they are not multiplied.
  void dropDeadTaps(const float** rows) const {
    const int64_t tileRows = panels_.tileRows();
    for (int64_t tap = 0; tap < im2col_.count(); ++tap, rows += tileRows)
      if (std::all_of(rows, rows + tileRows, [&](const float* row) { return row == zeros_.data(); }))
        rows[0] = nullptr;
  }

  Im2col im2col_;
  int64_t run_;
  WeightSource weights_;
  bool stem_;
  Panels panels_;
  std::vector<float> zeros_;
  int64_t itemPixels_ = 0;
  bool columnsApart_ = false;
};

}  // namespace

std::unique_ptr<ConvEngine> makeGemmEngine(const Im2col& im2col, int64_t run, WeightSource weights,
                                           bool stem) {
  return std::make_unique<GemmEngine>(im2col, run, std::move(weights), stem);
}

}  // namespace facenet::cpu
