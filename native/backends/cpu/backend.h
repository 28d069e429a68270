// The CPU backend: vector code for each instruction set, and oneDNN for bf16 convolutions. Functions of rows stand in
// files of their names.
#pragma once

#include "native/backends/host/backend.h"

namespace facenet {

std::unique_ptr<Kernel> makeCpuKernel(const Plan& plan, const Step& step, const Weights& weights);

namespace train {
std::unique_ptr<TrainKernel> makeCpuTrainKernel(const TrainContext& context);
}

namespace cpu {

std::string oneDnnVersion();

class CpuBackend final : public HostBackend {
 public:
  std::unique_ptr<Executor> makeExecutor(const Graph& graph, PlanOptions options, const Weights& weights,
                                         int threads) const override;
  std::unique_ptr<Kernel> makeKernel(const Plan& plan, const Step& step,
                                     const Weights& weights) const override {
    return makeCpuKernel(plan, step, weights);
  }
  std::unique_ptr<train::TrainKernel> makeTrainKernel(const train::TrainContext& context) const override {
    return train::makeCpuTrainKernel(context);
  }
  void optimize(const Optimizer& optimizer, const Update& update, const WeightSpan& span) const override;

  void l2Normalize(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out,
                   const std::atomic<int32_t>* cancel) const override;
  void pairwiseDistances(const DistanceTask& task, float* out) const override;
  void findNearest(const TopK& task, int32_t* indices, float* distances) const override;
  int64_t indexBytes(int64_t rows, int64_t dimensions) const override;
  void indexRows(const IndexTask& task, std::byte* index) const override;
  Triplets mineTriplets(const float* x, const int32_t* labels, int64_t n,
                        const TripletMining& mining) const override;
  LossValue tripletLoss(const float* x, int64_t n, const TripletsView& triplets, const TripletLoss& loss,
                        float* gradient) const override;
  BatchLoss embeddingLoss(const Loss& loss, const LossBatch& batch,
                          const LossGradients& gradients) const override;
  void cluster(const ClusterTask& task, int32_t* labels) const override;
  void clusterByDensity(const ClusterTask& task, int32_t* labels) const override;
  void warpRows(const Warp& warp, int64_t first, int64_t end) const override;
};

}  // namespace cpu
}  // namespace facenet
