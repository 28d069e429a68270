// The inner loops of the CPU backend, compiled once for each instruction set (ISA) and chosen at the first use.
#pragma once

#include <string>

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
  const GemmColumn* columns;  // one for each vector; `output` and `residual` point at pixel 0 of the view
  int64_t vectors;
  int64_t firstPixel, rowPixels;  // of the tile's corner, and of one row of the image
  int64_t height, width;          // of the tile that lies inside the image, 1..4
};

// Sums of products over pixels, for a weight gradient: sums[i * vectors * lanes + l] +=
//   sum over p < pixels of rows[p][first + i] * gradients[p * vectors * lanes + l].
struct GradientTile {
  const float* const* rows;  // input of pixel p under one tap
  int64_t first, channels;   // of the rows, any number
  const float* gradients;    // packed, on a cache line
  int64_t pixels;
  int64_t vectors;  // 1 to 3
  float* sums;      // on a cache line
};

// A 4 x 4 tile of output gradients, all channels, to its 36 planes (Winograd).
struct WinogradGradient {
  const float* pixels[16];  // rows of `channels` floats; zeros where the tile hangs over the edge
  int64_t channels;
  float* transformed;  // 36 rows, `planeStride` apart, rounded up to whole vectors
  int64_t planeStride;
};

struct Isa {
  const char* name;
  int lanes;         // floats a vector
  int tallRows;      // output pixels of a GEMM tile of two vectors
  int wideRows;      // and of one of three
  int gradientRows;  // input channels of a tile of sums of a weight gradient, at most

  // --- convolution and fully connected layers
  void (*gemmTile)(const GemmTile&);
  // im2col of `count` pixels: their taps one after the other, out[i * outStride + tap * run + k]. Reads and
  // writes up to a vector past each run; rows are written in order, so that only the slack behind the last
  // one is lost.
  void (*packRuns)(const float* const* rows, int64_t tapStride, int64_t count, int64_t taps, int64_t run,
                   float* out, int64_t outStride);
  void (*gradientTile)(const GradientTile&);
  // count pixels of `channels` floats, `stride` apart, to rows of whole vectors with zeros behind; adds each
  // channel's sum to `sums`.
  void (*packGradients)(const float* from, int64_t stride, int64_t count, int64_t channels, int64_t outStride,
                        float* out, float* sums);
  void (*winogradInput)(const WinogradInput&);
  void (*winogradOutput)(const WinogradOutput&);
  // Nine taps of a vector of filters, one after the other, to their 36 planes.
  void (*winogradFilter)(const float* taps, float* planes, int64_t planeStride);
  void (*winogradGradient)(const WinogradGradient&);
  // 36 planes of sums to nine taps, a vector each.
  void (*winogradTaps)(const float* planes, int64_t planeStride, float* taps);
  // weights: taps x channels; bias and slope: channels (slope may be null).
  void (*depthwise)(const Window&, const View& in, const View* residual, const View& out,
                    const float* weights, const float* bias, const float* slope, Activation::Kind);

  // --- pools
  void (*pool)(const Pool&, const View& in, const View& out);
  // Max pooling that keeps each winner's index in its window: count x pixels x channels.
  void (*maxPool)(const Pool&, const View& x, const View& y, uint8_t* winners);
  // All pools; dx is added to. `winners` for max only.
  void (*poolGradient)(const Pool&, const View& x, const View& y, const View& dy, const uint8_t* winners,
                       const View& dx);

  // --- local response normalisation
  void (*lrn)(const Lrn&, const View& in, const View& out,
              float* scratch);  // scratch: channels + size + 2 vectors
  // scratch: 2 * (channels + 2 * size + 4 vectors)
  void (*lrnGradient)(const Lrn&, const View& x, const View& dy, const View& dx, bool add, float* scratch);

  // --- normalisation, activations, sums
  void (*scaleShift)(const View& in, const View& out, const float* scale, const float* shift);
  // Adds to sums[c] and products[c] the sums over pixels of a and of a * b; with `shift` b is (b - shift[c]).
  // b null: a alone.
  void (*channelSums)(const View& a, const View* b, const float* shift, double* sums, double* products);
  // Adds to sums[c] the sum over pixels of (a - shift[c])^2.
  void (*squaredSums)(const View& a, const float* shift, double* sums);
  // out = a[c] * dy + b[c] * x + c[c], or added.
  void (*normGradient)(const View& dy, const View& x, const float* a, const float* b, const float* c,
                       const View& out, bool add);
  void (*pointwise)(const Pointwise&, const View& in, const View& out);
  void (*pointwiseGradient)(const Pointwise&, const View& x, const View& dy, const View& dx, bool add);
  void (*activation)(const View& in, const View& out, Activation::Kind, const float* slope);
  // relu, relu6 by y: out = dy where the mask lets it through; out may be dy.
  void (*mask)(const View& y, const View& dy, const View& out, bool add, Activation::Kind);
  // prelu: adds the gradient of each slope to sums; dx.
  void (*preluSums)(const View& x, const View& dy, double* sums);
  void (*preluGradient)(const View& x, const View& dy, const float* slope, const View& dx, bool add);
  void (*add)(const View& a, const View& b, float factor, const View& out, Activation::Kind,
              const float* slope);
  // out = factor * in, or added.
  void (*scaled)(const View& in, float factor, const View& out, bool add);
  // Copies channels, converting between f32 and bf16.
  void (*convert)(const View& in, const View& out);
  // (x - mean) * scale with mean and scale repeating every 3 elements.
  void (*normalizePixels)(const uint8_t* in, int64_t elements, const float* mean3, const float* scale3,
                          const View& out);

  // --- distances
  // Squared distances of rows [0, n) of a to all rows of b. packed: blocks of one vector of
  // rows of b, transposed: dimensions x lanes each, the last block filled up. Row i of out begins at i * stride.
  void (*pairwise)(const float* a, int64_t n, const float* packed, int64_t m, int64_t dimensions, float* out,
                   int64_t stride);
  // The same for up to 8 rows of a and one block, with offset[lane] added: rows x lanes into out. Whether any
  // of row i is below limit[i].
  bool (*distancesBelow)(const float* a, int64_t rows, const float* block, int64_t dimensions,
                         const float* offset, const float* limit, float* out);

  // --- mining and loss: sums in the order of ops/triplet_mining.h and ops/triplet_loss.h, bit for bit.
  // `padded` is the number of rows rounded up to whole vectors.
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

  // --- exact search (top_k.cc)
  // out = rows - center, offsets[i] = factor * the squared length of out's row i.
  void (*centerRows)(const float* rows, int64_t count, int64_t dimensions, const float* center, float factor,
                     float* out, float* offsets);
  // Of tallRows rows and 1 or 2 vectors of queries (dimensions x vectors x lanes): hits[i] has bit q where
  // offsets[i] + row i * query q <= limits[q] does not hold. Whether any is set.
  bool (*rowsInReach)(const float* rows, int64_t dimensions, const float* queries, int64_t vectors,
                      const float* offsets, const float* limits, uint32_t* hits);
  // squaredDistance of ops/triplet_mining.h.
  float (*chainedDistance)(const float* a, const float* b, int64_t dimensions);

  void (*optimize)(const Optimizer&, const Update&, const WeightSpan&);
};

extern const Isa avx512, avx2, neon, baseline;  // those of the processor that is compiled for

// The widest one this machine has, or the one that FACENET_ISA=avx512|avx2|baseline asks for. Throws where that
// is another name, or one that this machine cannot run.
const Isa& isa();
// Instructions that multiply bf16 which isa() comes with: AVX-512's, in vectors, or AMX's, in tiles. With none oneDNN computes bf16
// several times slower than isa() computes fp32, or not at all.
enum class Bf16Products : uint8_t { none, vectors, tiles };
Bf16Products bf16Products();
// For people: "avx512_amx", "avx512_bf16", "avx512", "avx2", "baseline": isa() and what oneDNN can use for bf16.
// Does not throw: where isa() does, the name says what is wrong.
std::string isaName();

}  // namespace facenet::cpu
