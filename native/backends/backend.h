// What a device does: models, trainers, and functions of finished rows. Each backend implements this in its own
// folder; native/backends/backends.h finds the one for a device.
#pragma once

#include <memory>

#include "native/graph/executor.h"
#include "native/ops/cluster.h"
#include "native/ops/distances.h"
#include "native/ops/loss.h"
#include "native/ops/top_k.h"
#include "native/ops/triplet_loss.h"
#include "native/ops/warp.h"

namespace facenet {

namespace train {
class TrainingBackend;  // native/backends/training_backend.h
}

// Immutable, and there for as long as the process: functions may be called by several threads at once. Pointers
// are to host memory. Formulas stand in native/ops; every function throws ERR_FACENET_ABORTED, ERR_FACENET_CUDA_OOM
// and ERR_FACENET_CUDA_UNAVAILABLE where that can happen.
class Backend {
 public:
  virtual ~Backend() = default;

  // Plans the graph as the device wants it and prepares its weights there. Throws ERR_FACENET_INVALID_ARGUMENT where
  // the device does not compute in the dtype.
  virtual std::unique_ptr<Executor> makeExecutor(const Graph& graph, PlanOptions options,
                                                 const Weights& weights, int threads) const = 0;
  // What one trainer computes with. `dtype`: of activations and their gradients.
  virtual std::unique_ptr<train::TrainingBackend> makeTrainingBackend(DType dtype, int threads) const = 0;

  // Rows are dense fp32, `dimensions` floats each. Where `cancel` is there and not zero, work ends with
  // ERR_FACENET_ABORTED; so it does where the task has a flag.
  // out[r] = x[r] / max(||x[r]||_2, epsilon); out may be x.
  virtual void l2Normalize(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out,
                           const std::atomic<int32_t>* cancel) const = 0;
  // out: n x m. ops/distances.h
  virtual void pairwiseDistances(const DistanceTask& task, float* out) const = 0;
  // indices and distances: count x k. ops/top_k.h
  virtual void findNearest(const TopK& task, int32_t* indices, float* distances) const = 0;
  // Bytes of the index of such a gallery; 0: this backend, on this machine, keeps none.
  virtual int64_t indexBytes(int64_t, int64_t) const { return 0; }
  virtual void indexRows(const IndexTask&, std::byte*) const {}
  // x: n x dimensions, finite, and small enough for finite distances. ops/triplet_mining.h
  virtual Triplets mineTriplets(const float* x, const int32_t* labels, int64_t n,
                                const TripletMining& mining) const = 0;
  // gradient: n x dimensions, overwritten. ops/triplet_loss.h
  virtual LossValue tripletLoss(const float* x, int64_t n, const TripletsView& triplets,
                                const TripletLoss& loss, float* gradient) const = 0;
  // All kinds but triplet. ops/loss.h
  virtual BatchLoss embeddingLoss(const Loss& loss, const LossBatch& batch,
                                  const LossGradients& gradients) const = 0;
  // labels[i]: the lowest row of the cluster of row i. ops/cluster.h
  virtual void cluster(const ClusterTask& task, int32_t* labels) const = 0;
  // labels[i]: the lowest core of the cluster of row i, or clusterNoise.
  virtual void clusterByDensity(const ClusterTask& task, int32_t* labels) const = 0;
  // Rows [first, end) of the crop. ops/warp.h
  virtual void warpRows(const Warp& warp, int64_t first, int64_t end) const = 0;
};

}  // namespace facenet
