// The gradient of a convolution's input (ops/conv2d.h), for what no forward convolution does by itself.
//
// Pixels of x that lie a stride apart are reached by the same taps: they are a class, and its gradient is a
// convolution of g with stride 1 and those taps in reverse order. A convolution with stride 1 has one class, all of
// x; others have theirs computed one by one and then put together. With dilation d and stride s the taps of a class are
// s / gcd(d, s) apart, and their outputs d / gcd(d, s), which is the dilation of the class.
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "cuda/conv2d/common/pack_weights.cuh"
#include "native/core/shape.h"
#include "native/ops/window.h"

namespace facenet::cuda {

struct PixelClass {
  int64_t index;                // among the classes that taps reach; those of no pixels count
  int64_t height, width;        // pixels
  Window window;                // on g, stride 1. Negative padding behind leaves out pixels of g
  TapRun tapsDown, tapsAcross;  // of the stored kernel, as the window has them
};

// `x`, `y`: shapes of the forward's input and output. Classes without a tap or without a pixel are left out.
std::vector<PixelClass> pixelClasses(const Window& window, const Shape& x, const Shape& y);

// Where a class lies among all: pixels from the first class to the one of `index`, of `count` images.
int64_t firstPixelOf(const Window& window, const Shape& x, int64_t count, int64_t index);
// Pixels of all classes together.
int64_t classPixels(const Window& window, const Shape& x, int64_t count);

// dx from its classes, each of them dense pixels `pixelStride` elements apart, in memory where firstPixelOf says.
// Pixels that no tap reaches become zero, or stay with `accumulate`.
struct InterleaveCall {
  Window window;
  const void* classes = nullptr;  // aligned to 16 bytes
  DType dtype = DType::f32;       // of the classes: dx's, or f32
  int64_t pixelStride = 0;
  View dx;  // f32 or bf16
  bool accumulate = false;
};
void interleaveClasses(const InterleaveCall& call, cudaStream_t stream);

// The gradient of a convolution with one group per channel, any window, any number of output channels per group: every
// pixel of dx gathers what reached its window's outputs.
struct DepthwiseGradientCall {
  Window window;
  const void* weight = nullptr;  // taps x columns values of g's type, as DepthwiseCall has them
  int64_t columns = 0;
  View g, dx;  // f32 or bf16; dx is g's type, or bf16 where g is f32
  bool accumulate = false;
};
void depthwiseGradient(const DepthwiseGradientCall& call, cudaStream_t stream);

}  // namespace facenet::cuda
