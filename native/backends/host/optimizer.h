// The optimiser in host memory: the weights are cut into pieces by their sizes alone, so results do not depend on the
// number of threads.
#pragma once

#include "native/backends/host/backend.h"
#include "native/core/aligned.h"
#include "native/core/thread_pool.h"
#include "native/train/optimizer.h"

namespace facenet {

class HostOptimizer final : public train::NetworkOptimizer {
 public:
  // `elements`: of the gradient vector.
  HostOptimizer(const Optimizer& optimizer, const std::vector<train::TrainedWeight>& weights,
                int64_t elements, const HostBackend& backend, ThreadPool& threads);

  double gradientNorm(const float* gradients) override;
  void update(float* parameters, const float* gradients, double learningRate, double gradientScale,
              int64_t number) override;
  float* slot(int i) override { return slots_[static_cast<size_t>(i)].get(); }
  int64_t memoryBytes() const override {
    return optimizer_.slots() * elements_ * static_cast<int64_t>(sizeof(float));
  }

 private:
  Optimizer optimizer_;
  std::vector<train::TrainedWeight> pieces_;  // of at most pieceElements
  int64_t elements_;
  const HostBackend& backend_;
  ThreadPool& threads_;
  AlignedArray<float> slots_[2];
};

}  // namespace facenet
