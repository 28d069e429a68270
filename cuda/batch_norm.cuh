// batch_norm and affine as training has them (ops/norm.h): by the statistics of the batch,
// which are kept in fp32 for the backward, or by given ones.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "native/core/shape.h"

namespace facenet::cuda {

// A parameter in device memory: one value per channel, or `one` that stands for all. Null: there is none.
struct NormParameter {
  float* values = nullptr;
  bool one = false;
};

struct NormCall {
  NormParameter scale, shift, mean, variance;  // mean and variance: the running statistics
  float epsilon = 0;
  bool batch = false;  // normalise by the statistics of x; else by mean and variance, where there are any
  void* saved;         // normSavedBytes: what forward leaves for backward
  void* scratch;       // normScratchBytes
};

// Views of device memory of one count and shape, f32 or bf16; x and dx of one type, y and dy of one type.
// What lies between the pixels of y and dx is left alone. `saved` and `scratch` are aligned to 16.
// Asynchronous on `stream`; throws where a launch fails. Deterministic.

// With call.batch the running statistics move towards those of x by `rate`, the variance unbiased; with 0
// they stay. One that stands for all channels follows their mean.
void normForward(const NormCall& call, const View& x, const View& y, float rate, cudaStream_t stream);

// `scaleGradient` and `shiftGradient` are added to, null: not wanted. dx.data null: not wanted; dx may be dy.
// dx is added to where `accumulate`.
void normBackward(const NormCall& call, const View& x, const View& dy, const View& dx, bool accumulate,
                  float* scaleGradient, float* shiftGradient, cudaStream_t stream);

int64_t normSavedBytes(int64_t channels);
int64_t normScratchBytes(int64_t count, const Shape& shape);

}  // namespace facenet::cuda
