// The inner loops of the CPU backend, compiled once for each instruction set and chosen when the addon is
// loaded.
#pragma once

#include "native/core/integers.h"
#include "native/core/shape.h"
#include "native/ops/op.h"
#include "native/ops/optimizer.h"

namespace facenet::cpu {

// One vector of output channels of a GEMM tile: where it goes and what happens to it on the way.
struct GemmColumn {
  const float* bias = nullptr;      // a full vector
  const float* slope = nullptr;     // a full vector; read for prelu only
  const float* residual = nullptr;  // null: none; pixel m at residual + m * residualStride
  int64_t residualStride = 0;
  float* output = nullptr;  // pixel m at output + m * outputStride
  int64_t outputStride = 0;
  int64_t lanes = 0;  // channels of the vector that exist
  Activation::Kind activation = Activation::Kind::none;
};

// A tile of the implicit GEMM: up to tapStride output pixels by 1 to 3 vectors of output channels.
struct GemmTile {
  const float* const*
      rows;  // input of pixel i under tap t: `run` floats at rows[t * tapStride + i], all readable
  int64_t tapStride = 0;  // isa().tallRows or isa().wideRows
  int64_t valid = 0;      // pixels that are stored
  int64_t taps = 0, run = 0;
  const float* weights = nullptr;  // taps x run x vectors x lanes
  int64_t vectors = 0;             // 1, 2 in a tall tile; 2, 3 in a wide one
  const GemmColumn* columns = nullptr;
  int64_t firstPixel = 0;
};

// A 6 x 6 input tile and its 4 x 4 output tile of Winograd's F(4x4, 3x3), all channels.
struct WinogradInput {
  const float* pixels[36];  // rows of `channels` floats; zeros where the window hangs over the edge
  int64_t channels;
  float* transformed;  // 36 rows, `planeStride` apart
  int64_t planeStride;
};
struct WinogradOutput {
  const float* products;  // 36 rows, `planeStride` apart
  int64_t planeStride;
  const GemmColumn* columns;  // one a vector; `output` and `residual` point at pixel 0 of the view
  int64_t vectors;
  int64_t firstPixel, rowPixels;  // of the tile's corner, and of one row of the image
  int64_t height, width;          // of the tile that lies inside the image, 1..4
};

struct Isa {
  const char* name;
  int lanes;     // floats a vector
  int tallRows;  // output pixels of a GEMM tile of two vectors
  int wideRows;  // and of one of three

  void (*gemmTile)(const GemmTile&);
  // Copies the taps of `count` pixels one after the other: out[i * outStride + tap * run + k]. Reads and
  // writes up to a vector past each run; rows are written in order, so that only the slack behind the last
  // one is lost.
  void (*packRuns)(const float* const* rows, int64_t tapStride, int64_t count, int64_t taps, int64_t run,
                   float* out, int64_t outStride);
  void (*winogradInput)(const WinogradInput&);
  void (*winogradOutput)(const WinogradOutput&);
  // weights: taps x channels; bias and slope: channels (slope may be null).
  void (*depthwise)(const Window&, const View& in, const View* residual, const View& out,
                    const float* weights, const float* bias, const float* slope, Activation::Kind);
  void (*pool)(const Pool&, const View& in, const View& out);
  void (*lrn)(const Lrn&, const View& in, const View& out,
              float* scratch);  // scratch: channels + size + 2 vectors
  void (*scaleShift)(const View& in, const View& out, const float* scale, const float* shift);
  void (*activation)(const View& in, const View& out, Activation::Kind, const float* slope);
  void (*add)(const View& a, const View& b, float factor, const View& out, Activation::Kind,
              const float* slope);
  // Copies channels, converting between f32 and bf16.
  void (*convert)(const View& in, const View& out);
  // (x - mean) * scale with mean and scale repeating every 3 elements.
  void (*normalizePixels)(const uint8_t* in, int64_t elements, const float* mean3, const float* scale3,
                          const View& out);
  // Squared distances of rows [0, n) of a to all rows of b. packed: blocks of one vector of
  // rows of b, transposed: dimensions x lanes each, the last block filled up.
  void (*pairwise)(const float* a, int64_t n, const float* packed, int64_t m, int64_t dimensions, float* out);
  // The same for up to 8 rows of a and one block, with offset[lane] added: rows x lanes into out. Whether any
  // of row i is below limit[i].
  bool (*distancesBelow)(const float* a, int64_t rows, const float* block, int64_t dimensions,
                         const float* offset, const float* limit, float* out);
  // What mining and loss are made of. Sums in the order of ops/triplet_mining.h and ops/triplet_loss.h, bit
  // for bit. `padded` is the number of rows rounded up to whole vectors.
  // Distances of `count` rows to all rows, packed as for `pairwise`: count x padded.
  void (*minedDistances)(const float* rows, int64_t count, const float* packed, int64_t padded,
                         int64_t dimensions, float* out);
  // For each floor the least of the padded values above it and its first index; infinity and no index where
  // there is none.
  void (*nearestAbove)(const float* values, int64_t padded, const float* floors, int64_t count,
                       float* nearest, int32_t* indices);
  void (*tripletHinges)(const float* x, int64_t dimensions, const int32_t* anchors, const int32_t* positives,
                        const int32_t* negatives, int64_t count, float margin, float* hinges);
  // out = 2 * sum over t of weights[t] * (row rows[t] of x).
  void (*twiceWeightedRows)(const float* x, int64_t dimensions, const int32_t* rows, const float* weights,
                            int64_t count, float* out);
  // What exact search is made of (top_k.cc).
  // out = rows - centre, offsets[i] = factor * the squared length of out's row i.
  void (*centreRows)(const float* rows, int64_t count, int64_t dimensions, const float* centre, float factor,
                     float* out, float* offsets);
  // Of tallRows rows and 1 or 2 vectors of queries (dimensions x vectors x lanes): hits[i] has bit q where
  // offsets[i] + row i * query q <= limits[q] does not hold. Whether any is set.
  bool (*rowsInReach)(const float* rows, int64_t dimensions, const float* queries, int64_t vectors,
                      const float* offsets, const float* limits, uint32_t* hits);
  // squaredDistance of ops/triplet_mining.h.
  float (*chainedDistance)(const float* a, const float* b, int64_t dimensions);
  void (*optimize)(const Optimizer&, const Update&, const WeightSpan&);
};

extern const Isa avx512, avx2, baseline;

// The widest one this machine has. FACENET_ISA=avx512|avx2|baseline narrows it.
const Isa& isa();
// "avx512_amx", "avx512_bf16", "avx512", "avx2", "baseline": isa() and what oneDNN can use for bf16.
const char* isaName();

}  // namespace facenet::cpu
