// The CUDA backend: one object for each device. Functions of rows take host memory of any size and stream it through
// buffers of a few hundred megabytes; triplets need their embeddings on the device at once.
#pragma once

#include "native/backends/backends.h"
#include "native/backends/cuda/runtime/device.h"

namespace facenet::cuda {

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(const Device& device) : device_(device) {}

  std::unique_ptr<Executor> makeExecutor(const Graph& graph, PlanOptions options, const Weights& weights,
                                         int threads) const override;
  std::unique_ptr<train::TrainingBackend> makeTrainingBackend(DType dtype, int threads) const override;

  void l2Normalize(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out,
                   const std::atomic<int32_t>* cancel) const override;
  // Each distance is the chain of ops/triplet_mining.h, so equal rows are at exactly zero.
  void pairwiseDistances(const DistanceTask& task, float* out) const override;
  void findNearest(const TopK& task, int32_t* indices, float* distances) const override;
  Triplets mineTriplets(const float* x, const int32_t* labels, int64_t n,
                        const TripletMining& mining) const override;
  LossValue tripletLoss(const float* x, int64_t n, const TripletsView& triplets, const TripletLoss& loss,
                        float* gradient) const override;
  BatchLoss embeddingLoss(const Loss& loss, const LossBatch& batch,
                          const LossGradients& gradients) const override;
  // Throw ERR_FACENET_CUDA_UNAVAILABLE: the CPU does these.
  void cluster(const ClusterTask& task, int32_t* labels) const override;
  void clusterByDensity(const ClusterTask& task, int32_t* labels) const override;
  void warpRows(const Warp& warp, int64_t first, int64_t end) const override;

 private:
  const Device& device_;  // of queryStatus()
};

// As facenet::backendOf says.
const Backend& backendOf(int deviceIndex);
CudaInfo info();

}  // namespace facenet::cuda
