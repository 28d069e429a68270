// The loss of triplets on the device: the memory of cuda/triplet_loss.cuh, kept from one batch to the next.
#pragma once

#include "cuda/triplet_loss.cuh"
#include "native/backends/cuda/runtime/growing_buffer.h"
#include "native/backends/cuda/runtime/pinned_buffer.h"
#include "native/ops/triplet_loss.h"

namespace facenet::cuda {

// The embeddings of a batch, n x dimensions on the device.
struct DeviceRows {
  const float* x;
  int64_t n, dimensions;
};

class TripletLossRun {
 public:
  // Of mined triplets; `gradient` and `mean` as in tripletGradient. Waits for the sums.
  TripletSums run(const DeviceRows& rows, const TripletSlots& slots, int64_t count, const TripletLoss& loss,
                  bool mean, float* gradient, cudaStream_t stream);
  // Of given ones, host memory. What earlier calls have put onto the stream is done.
  TripletSums run(const DeviceRows& rows, const TripletsView& triplets, const TripletLoss& loss, bool mean,
                  float* gradient, cudaStream_t stream);
  // After a run of `count` given ones: the sum of their hinges in their order, which is that of the other backends.
  double lossInOrder(int64_t count, const TripletLoss& loss) const;

  int64_t memoryBytes() const;

 private:
  LossBatch batchOf(const DeviceRows& rows, const TripletSlots& slots, int64_t count, float margin);

  GrowingBuffer<TripletSums> partial_, sums_;
  GrowingBuffer<int32_t> ends_, anchors_, positives_, negatives_;
  GrowingBuffer<GradientPart> parts_;
  GrowingBuffer<float> positiveDistances_;
  GrowingBuffer<DistanceKey> keys_;
  PinnedBuffer hostSums_{sizeof(TripletSums)};
};

}  // namespace facenet::cuda
