// Weights as they are stored, O x I/groups x KH x KW in fp32, in the layouts that the convolutions of conv2d.cuh,
// depthwise.cuh and stem.cuh multiply by. Inference packs once, training anew after every change of the weights.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "cuda/conv2d/forward/stem.cuh"
#include "native/core/dtype.h"

namespace facenet::cuda {

// The packed taps along one axis: tap t is the stored tap first + t * step, or zeros where there is none.
struct TapRun {
  int64_t count = 1, first = 0, step = 1;
};

// Rows of taps x tapTerms numbers, `columns` rows per group, as in ConvWeights: a row's taps are those of tapsDown x
// tapsAcross, and what is beyond the rows and channels of the stored weights is zero.
struct PackCall {
  const float* weight = nullptr;
  // Stored. inChannels are those of a group, outChannels those of all groups.
  int64_t groups = 1, outChannels = 0, inChannels = 0, kernelHeight = 1, kernelWidth = 1;

  // What a row is. Not transposed, the forward product: an output channel, one input channel per term. Transposed, the
  // data gradient: an input channel, one output channel of the group per term.
  bool transposed = false;
  TapRun tapsDown, tapsAcross;
  float factor = 1;  // multiplies every weight, before it is rounded

  void* to = nullptr;  // groups x columns x taps x tapTerms, aligned to 16 bytes
  DType dtype = DType::f32;
  int64_t columns = 0, tapTerms = 0;  // tapTerms: a multiple of 16 bytes
};

// Every weight that is packed is read once. Asynchronous on `stream`; throws where the launch fails.
void packWeights(const PackCall& call, cudaStream_t stream);

// The weights of a convolution with one group per channel, in the layout of DepthwiseCall: taps x columns.
PackCall packDepthwise(const float* weight, int64_t outChannels, int64_t kernelHeight, int64_t kernelWidth);

// The weights of a stem, times `factor`: layout.size() values of `dtype`, for which the layout is.
void packStem(const float* weight, int64_t outChannels, int64_t inChannels, const Window& window,
              float factor, const StemLayout& layout, DType dtype, void* to, cudaStream_t stream);

// to[g * columns + i] = factor * bias[g * channels / groups + i], zero behind a group's channels.
void packBias(const float* bias, int64_t channels, int64_t groups, float factor, int64_t columns, float* to,
              cudaStream_t stream);

}  // namespace facenet::cuda
