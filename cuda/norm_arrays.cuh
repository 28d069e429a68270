// Where batch_norm keeps one value per channel each between its kernels.
#pragma once

#include "cuda/batch_norm.cuh"
#include "cuda/common/channel_sums.cuh"

namespace facenet::cuda {

// Array `index` of a memory that has so many, each padded as kernels read them.
inline float* normArray(void* memory, int64_t channels, int index) {
  return static_cast<float*>(memory) + index * channelPitch(channels);
}

// What forward leaves.
struct SavedNorm {
  float *mean, *inverse;  // 1 / sqrt(variance + epsilon)
  static constexpr int kArrays = 2;
  SavedNorm(void* saved, int64_t channels)
      : mean(normArray(saved, channels, 0)), inverse(normArray(saved, channels, 1)) {}
};

// Arrays that either direction has in scratch, and where the splits' parts begin behind them.
constexpr int kNormScratchArrays = 5;

// Pixels of a thread: what belongs to its channels are several values in fp32.
constexpr int kNormSteps = 16;

__device__ __forceinline__ float valueOf(const NormParameter& parameter, int channel, float absent) {
  return parameter.values ? parameter.values[parameter.one ? 0 : channel] : absent;
}

}  // namespace facenet::cuda
