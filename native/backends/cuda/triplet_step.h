// Selection of triplets, their loss and its gradient, of embeddings that are on the device already.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "native/ops/triplet_loss.h"
#include "native/train/loss_report.h"

namespace facenet::cuda {

// Keeps the device memory of its largest batch: some tens of bytes per row and per pair of rows of one label, never
// n x n. Memory is of the device that is current when it is made, and has to be so; calls wait for their work.
class TripletStep {
 public:
  TripletStep();
  ~TripletStep();
  TripletStep(TripletStep&&) noexcept;
  TripletStep& operator=(TripletStep&&) noexcept;

  // Mines n embeddings of `mining.dimensions` floats by the labels, host memory. `gradient`, n x dimensions,
  // gets the gradient of the mean hinge of all selected triplets: that of ops/triplet_loss.h times 1 / triplets
  // in fp32. Without triplets it is left as it is. Throws ERR_FACENET_INVALID_ARGUMENT where there are more than
  // maxTriplets, ERR_FACENET_CUDA_OOM, ERR_FACENET_ABORTED.
  train::LossReport run(const float* embeddings, const int32_t* labels, int64_t n,
                        const TripletMining& mining, float* gradient, cudaStream_t stream);

  // The same of given triplets, indices below n in host memory.
  train::LossReport run(const float* embeddings, int64_t n, const TripletsView& triplets,
                        const TripletLoss& loss, float* gradient, cudaStream_t stream);

  int64_t memoryBytes() const;

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace facenet::cuda
