// Where the sums of a weight gradient go: to the weights, or to scratch where a second pass adds them up.
#pragma once

#include "cuda/channels.cuh"

namespace facenet::cuda {

// A call of weightGradient with one split of a window of one tap adds its sums to `weight` itself, whose rows are
// then as the product has them. All others leave splits x rows (of all groups) x taps x tapTerms sums in scratch.
struct GradientSums {
  float* scratch;  // null: to weight
  float* weight;
  int64_t rows;  // of all groups
  int taps, channels, tapTerms;
  bool add;      // to what weight holds
  bool vectors;  // rows of weight can be accessed 16 bytes at a time

  __device__ __forceinline__ int columns() const { return scratch ? taps * tapTerms : channels; }

  // Adds N neighbouring sums of a row to what they are to be added to. All of a thread's are read before the
  // first is written, so that the reads are under way together.
  template <int N>
  __device__ __forceinline__ void addHeld(int64_t row, int column, float (&sums)[N]) const {
    if (scratch || !add) return;
    const float* from = weight + row * channels + column;
    if (vectors && column + N <= channels) {
      const Pack<float, N> held = loadPack<N>(from);
      float numbers[N];
      unpack(held, numbers);
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += numbers[i];
      return;
    }
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (column + i < channels) sums[i] += from[i];
  }

  template <int N>
  __device__ __forceinline__ void store(int split, int64_t row, int column, const float (&sums)[N]) const {
    if (scratch) {
      if (column < columns()) storeNumbers(sums, N, scratch + (split * rows + row) * columns() + column);
    } else {
      float* to = weight + row * channels + column;
      if (vectors) return storeNumbers(sums, channels - column, to);
#pragma unroll
      for (int i = 0; i < N; ++i)
        if (column + i < channels) to[i] = sums[i];
    }
  }
};

// weight[row, channel, tap] (+)= the sum over splits of scratch[split, row, tap, channel], in a fixed order.
void addGradientSplits(const GradientSums& sums, int splits, cudaStream_t stream);

}  // namespace facenet::cuda
