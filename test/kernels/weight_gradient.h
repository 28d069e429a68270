// Runs weightGradient on a test's convolution and holds it against the plain loop of the same precision.
#pragma once

#include "convolution.h"
#include "cuda/conv2d/weight_gradient/weight_gradient.cuh"

namespace emulator::tests {

// Where a test's tensors lie, and in what types.
struct GradientLayout {
  facenet::DType x = facenet::DType::f32, g = facenet::DType::f32;
  int64_t xStride = 0, xOffset = 0;  // elements; 0: channels rounded up to 8
  int64_t gStride = 0, gOffset = 0;
  int64_t weightOffset = 0;  // floats before the weights, a multiple of 4
  bool add = true;

  static GradientLayout of(facenet::DType dtype) { return {.x = dtype, .g = dtype}; }
};

// Of the convolution `c` only the window, the shapes, the groups and the first part count.
void checkWeightGradient(const Convolution& c, const GradientLayout& layout);

// What one call costs.
Counters weightGradientCost(const Convolution& c, const GradientLayout& layout);

}  // namespace emulator::tests
