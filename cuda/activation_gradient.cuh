// The backward of activations (ops/activation.h).
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/activation.h"

namespace facenet::cuda {

// Views of device memory of one count and shape, each f32 or bf16, y and dy of one type. What lies between
// the pixels of dx is left alone. Asynchronous on `stream`; throws where a launch fails.

// dx = factor * (the gradient of the activation's input), or dx += where `accumulate`. Not prelu. Reads y but
// for Kind::none; dx may be dy.
void activationGradient(Activation::Kind kind, const View& y, const View& dy, float factor, const View& dx,
                        bool accumulate, cudaStream_t stream);

// prelu: the same from its input x, and the slopes' gradient. `slope` has one value per channel, padded to a
// multiple of 8. `slopeGradient` is added to: one value per channel, or, where `oneSlope`, one that stands for
// all of them; null: not wanted. dx.data null: not wanted; dx may be dy. `scratch` has preluGradientScratch
// bytes, aligned to 16. Deterministic.
void preluGradient(const float* slope, const View& x, const View& dy, const View& dx, bool accumulate,
                   float* slopeGradient, bool oneSlope, void* scratch, cudaStream_t stream);
int64_t preluGradientScratch(int64_t count, const Shape& shape);

}  // namespace facenet::cuda
