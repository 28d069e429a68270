// Where the sums of a weight gradient go: to the weights, or to scratch where a second pass adds them up.
#pragma once

#include "cuda/common/pixel_grid.cuh"

namespace facenet::cuda {

// Rows of sums, of all groups. Where the product has one split, and its columns are those of the weights (a
// window of one tap, channels of whole chunks), `to` are the weights. Else it is scratch, splits x rows x
// columns.
struct GradientSums {
  float* to;
  int64_t rows;
  int columns;  // a multiple of 4
  bool adds;    // to what the weights hold

  // N neighbouring sums of a row. All of a thread's are added to what is held there before the first is
  // stored, so that the reads are under way together.
  template <int N>
  __device__ __forceinline__ void addHeld(int64_t row, int column, float (&sums)[N]) const {
    if (column >= columns) return;
    float held[N];
    unpack(loadPack<N>(to + row * columns + column), held);
#pragma unroll
    for (int i = 0; i < N; ++i) sums[i] += held[i];
  }
  template <int N>
  __device__ __forceinline__ void store(int split, int64_t row, int column, const float (&sums)[N]) const {
    if (column < columns) storeNumbers(sums, N, to + (split * rows + row) * columns + column);
  }
};

// What the splits of a product are sums of.
struct GradientWeights {
  float* weight;  // rows x channels x taps
  int64_t rows;
  int taps, channels, tapTerms;
  bool add;  // to what weight holds
};

// weight[row, channel, tap] (+)= the sum over splits of scratch[split, row, tap, channel], in a fixed order.
// A tap has tapTerms numbers in scratch.
void addGradientSplits(const GradientWeights& weights, const float* scratch, int splits, cudaStream_t stream);

}  // namespace facenet::cuda
