// The backward of a product's epilogue (ops/conv2d.h): the activation's mask, the factor of a scaled
// residual, the residual's gradient and the bias gradient, in one pass over y and dy.
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/activation.h"

namespace facenet::cuda {

// With m = dy where the activation of y lets it through and 0 elsewhere:
//   dy          becomes g = factor * m, in place
//   residual    becomes m, or gets it added where accumulateResidual
//   bias[c]     gets the sum over images and pixels of g[c] added, of g as it is stored in dy
// Views are device memory of one count and shape, f32 or bf16, with any alignment and pixel stride: 16 bytes are
// accessed at a time where all of them allow it. y and dy have one type; the residual may be bf16 where they are
// f32. y has no part in it where the activation is none, and may then have no data. No view may overlap another.
// What lies between the pixels of dy and the residual is left alone.
struct EpilogueGradientCall {
  View y, dy;
  Activation::Kind activation = Activation::Kind::none;  // none, relu or relu6
  float factor = 1;
  View residual;  // data null: none
  bool accumulateResidual = false;
  float* bias = nullptr;    // shape.channels floats, 4-byte aligned; null: not wanted
  void* scratch = nullptr;  // epilogueGradientScratch() bytes, aligned to 256; needed only with a bias
};

// Bytes for the partial sums of the bias gradient; never less for more images.
int64_t epilogueGradientScratch(const Shape& y, int64_t count);

// Asynchronous on `stream`; launches nothing where nothing would change. Pixels are cut into splits by shape
// and count alone and their sums added in a fixed order. Throws where a launch fails.
void epilogueGradient(const EpilogueGradientCall& call, cudaStream_t stream);

}  // namespace facenet::cuda
