// conv2d and fully_connected (ops/conv2d.h, ops/fully_connected.h) as one product:
//   out[pixel, column] = sum over term of in[pixel, term] * weight[column, term]
// Pixels are those of the output of all images, columns its channels, and terms are (ky, kx, channel), channel
// innermost, as inputs lie in memory: a GEMM with M pixels, N columns and K terms. It is implicit: im2col writes
// nothing, a term of a pixel is read where it lies.
#pragma once

#include <cuda_runtime_api.h>

#include <string>
#include <vector>

#include "native/core/shape.h"
#include "native/ops/activation.h"
#include "native/ops/window.h"

namespace facenet::cuda {

// Sibling convolutions in one product: the most that an inception block has, and one to spare.
constexpr int kMaxParts = 4;
// A part's first column is a multiple of this, so that one 16-byte store has one destination.
constexpr int64_t kColumnAlignment = 8;

// A part's columns [first, first + channels of a group) and where they go. Columns up to the next part's first
// are computed and dropped.
struct ConvDestination {
  View y;
  int64_t firstColumn = 0;
  Activation::Kind activation = Activation::Kind::none;
};

// Device memory, prepared once. A row of `weight` has the terms of one column: taps x `tapTerms`, the channels
// of a tap padded with zeros to tapTerms, a multiple of 16 bytes, so that 16 bytes of a row belong to one tap.
// Rows are `rowTerms` apart and padded with zeros. Each group has `columns` rows of its own, and channels
// [g * y.shape.channels / groups, ...) of the one part's y.
struct ConvWeights {
  const void* weight = nullptr;  // groups x columns x rowTerms values of `dtype`
  DType dtype = DType::f32;
  int64_t columns = 0, tapTerms = 0, rowTerms = 0;  // columns: of a group, a multiple of kColumnAlignment
  const float* bias = nullptr;                      // groups x columns
  const float* slope = nullptr;  // the same, read where a part is prelu; with maxout one per output column
  int64_t groups = 1;
};

// The call holds no memory but names it, so it is made anew for every launch.
struct ConvCall {
  Window window;
  View x;
  ConvWeights weights;
  std::vector<ConvDestination> to;  // 1 to kMaxParts; one where there are groups, a residual or maxout
  View residual;                    // data null: none. Added to the only part before its activation
  int64_t maxout = 1;       // y[j] = activation of the largest of columns [j * maxout, (j + 1) * maxout)
  void* scratch = nullptr;  // as many bytes as the kernel's header says, aligned to 256

  int64_t pixels() const { return to.front().y.count * to.front().y.shape.pixels(); }
};

// How a product is cut into the tiles of blocks and warps: a pure function of the call's shape and the device. A block
// has rows x columns sums (of M and N) and goes over the terms in steps of `terms`, through a pipeline of `stages`;
// `splits` blocks share the terms of a tile (split-K) and leave partial sums in scratch.
struct ConvTile {
  int rows, columns, terms, warpRows, warpColumns, stages, splits = 1;
};

}  // namespace facenet::cuda
