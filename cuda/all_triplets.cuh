// Loss and gradient of all triplets of a batch that have a hinge above zero, without a list of them: how often two
// rows count with each other follows from their distance, which is computed again, and from the distances of
// their pairs.
#pragma once

#include "cuda/triplet_loss.cuh"

namespace facenet::cuda {

// `anchors` are all n; counts, ofNegatives and total, which is not zero, come from countAll.
struct AllTriplets {
  Anchors anchors;
  const float *distances, *sorted;  // of the pairs
  const int32_t *counts, *ofNegatives;
  int64_t total;
  float margin;
  TripletSums* partial;  // allTripletBlocks(n)
  TripletSums* sums;     // one: the result
};
int64_t allTripletBlocks(int64_t n);

// Fills in the sums and `gradient`, n x dimensions, of the mean hinge. Asynchronous on `stream`; throws where a
// launch fails.
void allTripletGradient(const AllTriplets& all, float* gradient, cudaStream_t stream);

}  // namespace facenet::cuda
