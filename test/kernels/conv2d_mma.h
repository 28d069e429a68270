// Runs conv2dMma on a test's convolution and holds it against the plain loop of the same precision.
#pragma once

#include "convolution.h"
#include "cuda/conv2d/forward/conv2d_mma.cuh"

namespace emulator::tests {

// Where a test's tensors lie, and how they are multiplied.
struct MmaLayout {
  facenet::DType dtype = facenet::DType::bf16;  // of the weights
  facenet::DType x = facenet::DType::bf16, y = facenet::DType::bf16, residual = facenet::DType::bf16;
  int64_t xPadding = 0, xOffset = 0;  // channels of others behind and before x's own
  int64_t yPadding = 0, yOffset = 0;  // the same of each part
  int64_t maxout = 1;
  std::vector<facenet::Activation::Kind> activations;  // of the parts; empty: the convolution's

  // Everything in one 16-bit type, x and y slices of wider buffers as in a concat.
  static MmaLayout slices(facenet::DType dtype, int64_t channels);
};

// Small tensors for any kernel: x, weight and residual hold numbers that their types hold.
ConvolutionValues storedValues(const Convolution& c, const MmaLayout& layout);

// The kernel's result, count x pixels x channels of all parts. Throws where a neighbour of a part was written.
std::vector<float> runMma(const Convolution& c, const ConvolutionValues& v, const MmaLayout& layout,
                          const facenet::cuda::ConvTile& tile);

// The error is at most twice that of a plain fp32 loop that rounds to y's type.
void checkMma(const Convolution& c, const MmaLayout& layout, const facenet::cuda::ConvTile& tile);

// Those of mmaShapes(), the one of 64x64 first.
const facenet::cuda::ConvTile& mmaTile(int rows, int columns);

facenet::Window square(int64_t kernel, int64_t stride, int64_t padding);

}  // namespace emulator::tests
