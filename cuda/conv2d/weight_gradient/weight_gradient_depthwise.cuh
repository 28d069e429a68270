// The weight gradient of depthwise convolutions. Each channel is a sum of its own, so there is nothing to
// share in tiles: memory decides.
#pragma once

#include "cuda/conv2d/weight_gradient/weight_gradient.cuh"
#include "cuda/conv2d/weight_gradient/weight_gradient_sums.cuh"

namespace facenet::cuda {

// Splits that the pixels are cut into: by shapes and count alone, never less for more images.
int64_t depthwiseGradientSplits(const Window& window, const Shape& y, int64_t count);

// Leaves splits x channels of y x taps sums in `scratch`. call.groups is the channels of x.
void depthwiseGradient(const WeightGradientCall& call, int64_t splits, float* scratch, cudaStream_t stream);

}  // namespace facenet::cuda
