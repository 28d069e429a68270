// The first convolution of a network (ops/conv2d.h), from an image of at most four channels: uint8 pixels, which it
// preprocesses while it reads them (ops/preprocess.h, `fixed`), or a floating type. Padding is zero after that, as
// in a network whose preprocessing is a step of its own.
//
// An image of so few channels is no row of a product: what a kernel row of a pixel sees is one run of memory, and
// the runs of neighbours overlap. A block holds its part of the image and all weights in shared memory and takes
// the runs from there, so that no term is wasted on channels that do not exist.
#pragma once

#include <optional>

#include "cuda/conv2d/common/conv2d.cuh"
#include "native/core/integers.h"
#include "native/ops/preprocess.h"

namespace facenet::cuda {

constexpr int64_t kMaxStemChannels = 4;

// As ConvCall, without groups and maxout, but with weights as StemLayout has them. Weights that are bf16 or f16
// multiply on tensor cores, and the image is rounded to their type; fp32 ones with fused multiply-adds.
struct StemCall {
  Window window;
  View x;                                // u8 with three channels, dense, or f32 or the weights' type
  std::optional<Preprocess> preprocess;  // where x is u8
  const void* weight = nullptr;
  DType weightType = DType::f32;
  int64_t columns = 0;  // a multiple of kColumnAlignment
  const float *bias = nullptr, *slope = nullptr;
  std::vector<ConvDestination> to;
  View residual;
};

// Where the weight of a column, a kernel row and a number in that row (kx * channels + channel) lies. What is not
// named is zero.
struct StemLayout {
  bool halves;  // bf16 or f16: columns x terms, kernel rows padded to 16 bytes; else terms x columns
  int64_t columns, rowTerms, terms;

  StemLayout(const Window& window, int64_t channels, int64_t columns, DType weightType)
      : halves(weightType != DType::f32), columns(columns), rowTerms(window.kernelWidth * channels) {
    if (halves) rowTerms = roundUp(rowTerms, 8);
    terms = window.kernelHeight * rowTerms;
  }
  int64_t size() const { return columns * terms; }
  int64_t index(int64_t column, int64_t ky, int64_t inRow) const {
    const int64_t term = ky * rowTerms + inRow;
    return halves ? column * terms + term : term * columns + column;
  }
};

// Shared memory of a block. A convolution whose window or stride ask for more than a device has is no stem.
int64_t stemSharedBytes(const Window& window, int64_t channels, int64_t columns, DType weightType);

// Blocks stay and take one tile after the other: as many as `multiprocessors` hold. Asynchronous on `stream`; throws
// where the launch fails.
void stem(const StemCall& call, int multiprocessors, cudaStream_t stream);

}  // namespace facenet::cuda
