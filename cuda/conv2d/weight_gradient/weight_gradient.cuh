// The gradient of a convolution's weights (ops/conv2d.h) as one product:
//   weight[o, i, ky, kx] += sum over images and output pixels q of g[q, o] * x[q * s + (ky, kx) - pad, i]
// Its rows (GEMM M) are output channels, its columns (N) the terms (ky, kx, i), i innermost, as inputs lie in memory,
// and it adds up over the output pixels of all images (K), which are split among blocks.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "native/core/shape.h"
#include "native/ops/window.h"

namespace facenet::cuda {

// Views are device memory of one count, f32 or bf16, with any alignment and pixel stride; 16 bytes are copied
// at a time where both have one type and allow it (with groups, where each group's channels do). Where both
// are f32 they are multiplied in fp32, else as bf16 on tensor cores with sums in fp32, and an f32 one is
// rounded to bf16 when it is read. Nothing but `weight` and `scratch` is written, and neither may overlap a
// view.
struct WeightGradientCall {
  Window window;
  int64_t groups = 1;  // groups == channels of x: depthwise, with any number of output channels per group
  View x, g;           // the forward's input, and the gradient of the output before bias and activation
  float* weight = nullptr;  // O x I/groups x KH x KW on the device, aligned to 16 bytes
  bool add = true;          // to what weight holds; false: overwrite it
  void* scratch = nullptr;  // weightGradientScratch() bytes, aligned to 256
};

// The type that they are multiplied in.
inline DType gradientArithmetic(DType x, DType g) {
  return x == DType::f32 && g == DType::f32 ? DType::f32 : DType::bf16;
}

// Bytes for partial sums: none where one split of a 1x1 window adds to the weights itself, else at most 64
// MiB, or one copy of the weights where that is more. Never less for more images. `x`, `y`: shapes of the
// forward's input and output; dtype: gradientArithmetic().
int64_t weightGradientScratch(const Window& window, int64_t groups, const Shape& x, const Shape& y,
                              int64_t count, DType dtype);

// Asynchronous on `stream`; throws where a launch fails. Pixels are cut into splits by shapes and count
// alone, whose sums are added in a fixed order: the same call gives the same bits on every device.
void weightGradient(const WeightGradientCall& call, cudaStream_t stream);

// How it is done, for printed plans: "gradient mma bf16 128x128x32, 4 stages, 12 splits".
std::string describeWeightGradient(const Window& window, int64_t groups, const Shape& x, const Shape& y,
                                   int64_t count, DType dtype);

}  // namespace facenet::cuda
