// The one engine of fp32 convolutions: the GEMM of an Im2col and weights, with an epilogue. Inference, the forward
// pass of training and the data gradient all run on it; they differ in where weights come from. A fully connected
// layer is a convolution of one pixel.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "native/backends/cpu/conv/im2col.h"
#include "native/backends/cpu/conv/panels.h"
#include "native/core/integers.h"
#include "native/core/team.h"

namespace facenet::cpu {

// Where the K x N weights of the GEMM come from: factor * values[rows[k] + columns[n]], zero where either offset is
// negative. K is (tap, channel), channels innermost; N is output channels, in whole vectors. `values` is the vector of
// parameters of a trainer, packed again at every step, or constants folded when a model is opened.
struct WeightSource {
  std::vector<int64_t> rows, columns;
  float factor = 1;
  // Packed once: Winograd's filters are then transformed in fp64.
  bool constant = false;

  float at(const float* values, int64_t row, int64_t column) const {
    return row < 0 || column < 0 ? 0.0f : factor * values[row + column];
  }
  int64_t depth() const { return static_cast<int64_t>(rows.size()); }
  int64_t vectors() const { return static_cast<int64_t>(columns.size()) / lanes(); }
};

// A part of the output: rows of M, which are pixels or Winograd's tiles of them, and panels of N.
struct OutputPart {
  int64_t firstRow, endRow, firstPanel, endPanel;
};

// Immutable. Weights are packed first, then the output is computed; the parts of both are independent of each other
// and may run on any threads: every element is summed in one order, whatever the part that it is in.
class ConvEngine {
 public:
  virtual ~ConvEngine() = default;

  virtual int64_t packedFloats() const = 0;
  virtual int64_t packItems() const = 0;
  virtual void pack(const float* values, int64_t item, float* packed) const = 0;

  virtual int64_t rows(int64_t images) const = 0;
  virtual int64_t maxRows() const = 0;   // of a part
  virtual int64_t tileRows() const = 0;  // that parts should have a multiple of
  virtual int64_t panels() const = 0;
  // Whether each part prepares its rows for all panels: then panels are cut no more than there are threads.
  virtual bool preparesRows() const = 0;
  // Of one part, on a cache line.
  virtual int64_t scratchBytes() const = 0;
  // columns[v] is the epilogue of vector v of output channels.
  virtual void multiply(const View& source, const float* packed, const GemmColumn* columns,
                        const OutputPart& part, void* scratch) const = 0;

  // The largest parts, with all panels.
  int64_t items(int64_t images) const { return ceilDivide(rows(images), maxRows()); }
  void multiplyItem(const View& source, const float* packed, const GemmColumn* columns, int64_t item,
                    void* scratch) const {
    const int64_t first = item * maxRows(), end = std::min(first + maxRows(), rows(source.count));
    multiply(source, packed, columns, {first, end, 0, panels()}, scratch);
  }

  virtual std::string describe() const = 0;
};

// All of the output, on the threads of a team, which call it alike with scratch of their own.
void multiplyTogether(const ConvEngine& engine, const View& source, const float* packed,
                      const GemmColumn* columns, void* scratch, Team& team);

// `run` floats under each tap. `stem`: few channels in a source with its padding, so that no tap is outside; `run` is
// then a row of the window, and the rows of a tile are laid out (im2col) before they are multiplied.
std::unique_ptr<ConvEngine> makeGemmEngine(const Im2col& im2col, int64_t run, WeightSource weights,
                                           bool stem = false);

// 3x3 taps with stride 1, by Winograd's F(4x4, 3x3). K is channels alone: the nine weights of a channel follow each
// other at its offset. `rotated`: the kernel turned by 180 degrees, as the data gradient wants it.
std::unique_ptr<ConvEngine> makeWinogradEngine(const Im2col& im2col, int64_t channels, WeightSource weights,
                                               bool rotated);

}  // namespace facenet::cpu
