// Fully connected layers in training: images as vectors in the order of the weights, and matrices transposed
// so that one product (conv2d/weight_gradient.cuh) has all gradients.
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"

namespace facenet::cuda {

// Device memory, f32 or bf16, of any alignment and pixel stride. Asynchronous on `stream`; throws where a
// launch fails. What lies behind the columns of a row is left alone.

// flat[n, i] = x[n, y, x, c], with i = (c, y, x) where channelsFirst (ops/fully_connected.h), else (y, x, c).
// `flat`: images of one pixel. Types may differ.
void flatten(const View& x, bool channelsFirst, const View& flat, cudaStream_t stream);

// The way back: x[n, y, x, c] = flat[n, i], or that is added.
void unflatten(const View& flat, bool channelsFirst, bool add, const View& x, cudaStream_t stream);

// to[c, n] = from[n, c]: images of one pixel, as many of `to` as `from` has channels. Types may differ.
void transpose(const View& from, const View& to, cudaStream_t stream);

}  // namespace facenet::cuda
