// conv2d (ops/conv2d.h) with one group per channel: output channel o sees input channel o / multiplier alone, where the
// multiplier is how many output channels per input channel has. There is no product to be had from tensor cores;
// what counts is how often a number is read.
#pragma once

#include "cuda/conv2d/common/conv2d.cuh"

namespace facenet::cuda {

struct DepthwiseCall {
  Window window;
  View x;
  const void* weight = nullptr;  // taps x columns values of x's type, zeros behind the last channel
  const float* bias = nullptr;   // columns
  const float* slope = nullptr;  // columns, read by prelu
  int64_t columns = 0;           // y's channels, rounded up to a multiple of kColumnAlignment
  Activation::Kind activation = Activation::Kind::none;
  View y;         // channels are a multiple of x's
  View residual;  // data null: none. Added before the activation
};

// x, y and residual are of any floating type. Sums are fp32, in the order of the taps. x is read 16 bytes at a
// time where its pixels begin at multiples of 16 bytes and the multiplier is 1. Asynchronous on `stream`; throws
// where the launch fails.
void depthwise(const DepthwiseCall& call, cudaStream_t stream);

// How `depthwise` does it: "depthwise 3x3/2", "depthwise, any window", "depthwise, by numbers".
std::string describeDepthwise(const Window& window, const View& x, const View& y);

}  // namespace facenet::cuda
