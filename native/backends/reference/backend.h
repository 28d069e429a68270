// The reference backend: every op and every function of rows as its formula reads.
#pragma once

#include "native/backends/host/backend.h"

namespace facenet {

std::unique_ptr<Kernel> makeReferenceKernel(const Plan& plan, const Step& step, const Weights& weights);

namespace train {
// Plain loops in fp64 that add gradients term by term: the specification.
std::unique_ptr<TrainKernel> makeReferenceTrainKernel(const TrainContext& context);
}  // namespace train

namespace reference {

void optimize(const Optimizer& optimizer, const Update& update, const WeightSpan& span);
Triplets mineTriplets(const float* x, const int32_t* labels, int64_t n, const TripletMining& mining);
LossValue tripletLoss(const float* x, int64_t n, const TripletsView& triplets, const TripletLoss& loss,
                      float* gradient);
BatchLoss embeddingLoss(const Loss& loss, const LossBatch& batch, const LossGradients& gradients);

class ReferenceBackend : public HostBackend {
 public:
  std::unique_ptr<Kernel> makeKernel(const Plan& plan, const Step& step,
                                     const Weights& weights) const override {
    return makeReferenceKernel(plan, step, weights);
  }
  std::unique_ptr<train::TrainKernel> makeTrainKernel(const train::TrainContext& context) const override {
    return train::makeReferenceTrainKernel(context);
  }
  void optimize(const Optimizer& optimizer, const Update& update, const WeightSpan& span) const override {
    reference::optimize(optimizer, update, span);
  }

  void l2Normalize(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out,
                   const std::atomic<int32_t>* cancel) const override;
  void pairwiseDistances(const DistanceTask& task, float* out) const override;
  void findNearest(const TopK& task, int32_t* indices, float* distances) const override;
  Triplets mineTriplets(const float* x, const int32_t* labels, int64_t n,
                        const TripletMining& mining) const override {
    return reference::mineTriplets(x, labels, n, mining);
  }
  LossValue tripletLoss(const float* x, int64_t n, const TripletsView& triplets, const TripletLoss& loss,
                        float* gradient) const override {
    return reference::tripletLoss(x, n, triplets, loss, gradient);
  }
  BatchLoss embeddingLoss(const Loss& loss, const LossBatch& batch,
                          const LossGradients& gradients) const override {
    return reference::embeddingLoss(loss, batch, gradients);
  }
  void cluster(const ClusterTask& task, int32_t* labels) const override;
  void clusterByDensity(const ClusterTask& task, int32_t* labels) const override;
  void warpRows(const Warp& warp, int64_t first, int64_t end) const override;
};

}  // namespace reference
}  // namespace facenet
