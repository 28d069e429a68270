// The loss of triplets and its gradient (ops/triplet_loss.h). How often a row counts with each other row is counted
// in whole numbers, so neither the order of the triplets nor that of the threads matters; sums in fp64 are cut by the
// number of triplets alone and added in a fixed order.
#pragma once

#include "cuda/triplet_mining.cuh"

namespace facenet::cuda {

// Sums over triplets; `loss`, of hinges, over the `active` ones.
struct TripletSums {
  double loss, positiveDistances, negativeDistances;
  unsigned long long triplets, active;
};

// A part of an active triplet in the gradient of one of its rows: 2 (x[plus] - x[minus]).
struct GradientPart {
  int32_t plus, minus;
};

// A batch and the slots of its triplets, below 2^28, with memory to work in. Device memory.
struct LossBatch {
  const float* x;  // n x dimensions
  int64_t n;
  int dimensions;
  TripletSlots slots;
  int64_t count;
  float margin;
  TripletSums* partial;  // lossBlocks(count)
  TripletSums* sums;     // one: the result
  int32_t* ends;         // n
  GradientPart* parts;   // 3 * count
};
int64_t lossBlocks(int64_t count);

// Fills in the distances of slots that have anchors and positives from `negatives`, rows. Calls are asynchronous on
// `stream` and throw where a launch fails.
void measureTriplets(const LossBatch& batch, const int32_t* negatives, cudaStream_t stream);

// batch.sums, and batch.parts with those of row i from ends[i - 1] to ends[i].
void sumTriplets(const LossBatch& batch, cudaStream_t stream);

// n x dimensions: of the sum of the hinges, or with `mean` of that times 1 / triplets in fp32; then it is left as it
// is where there are no triplets. After sumTriplets.
void tripletGradient(const LossBatch& batch, bool mean, float* gradient, cudaStream_t stream);

}  // namespace facenet::cuda
