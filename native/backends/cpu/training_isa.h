// The inner loops of training on the CPU, compiled once for each instruction set like those of kernels.h.
#pragma once

#include "native/backends/cpu/kernels.h"

namespace facenet::train::cpu {

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

struct TrainIsa {
  int gradientRows;  // input channels that a tile of sums holds at most
  void (*gradientTile)(const GradientTile&);
  // count pixels of `channels` floats, `stride` apart, to rows of whole vectors with zeros behind; adds each
  // channel's sum to `sums`.
  void (*packGradients)(const float* from, int64_t stride, int64_t count, int64_t channels, int64_t outStride,
                        float* out, float* sums);
  // Nine taps of a vector of filters, one after the other, to their 36 planes.
  void (*winogradFilter)(const float* taps, float* planes, int64_t planeStride);
  void (*winogradGradient)(const WinogradGradient&);
  // 36 planes of sums to nine taps, a vector each.
  void (*winogradTaps)(const float* planes, int64_t planeStride, float* taps);

  // relu, relu6 by y: out = dy where the mask lets it through; out may be dy.
  void (*mask)(const View& y, const View& dy, const View& out, bool add, Activation::Kind);
  // out = factor * in, or added.
  void (*scaled)(const View& in, float factor, const View& out, bool add);

  // Max pooling that keeps each winner's place in its window; places are count x pixels x channels.
  void (*maxPool)(const Pool&, const View& x, const View& y, uint8_t* places);
  // All pools; dx is added to. `places` for max only.
  void (*poolGradient)(const Pool&, const View& x, const View& y, const View& dy, const uint8_t* places,
                       const View& dx);
  // scratch: 2 * (channels + 2 * size + 4 vectors)
  void (*lrnGradient)(const Lrn&, const View& x, const View& dy, const View& dx, bool add, float* scratch);

  // Adds to sums[c] and products[c] the sums over pixels of a and of a * b; with `shift` b is (b - shift[c]).
  // b null: a alone.
  void (*channelSums)(const View& a, const View* b, const float* shift, double* sums, double* products);
  // Adds to sums[c] the sum over pixels of (a - shift[c])^2.
  void (*squaredSums)(const View& a, const float* shift, double* sums);
  // out = a[c] * dy + b[c] * x + c[c], or added.
  void (*normGradient)(const View& dy, const View& x, const float* a, const float* b, const float* c,
                       const View& out, bool add);
  // prelu: adds the gradient of each slope to sums; dx.
  void (*preluSums)(const View& x, const View& dy, double* sums);
  void (*preluGradient)(const View& x, const View& dy, const float* slope, const View& dx, bool add);
};
extern const TrainIsa avx512, avx2, baseline;
// The one that goes with facenet::cpu::isa().
const TrainIsa& trainIsa();

}  // namespace facenet::train::cpu
