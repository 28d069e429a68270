// The optimiser of a whole network: its state, and one pass over all weights that are trained.
#pragma once

#include "core/aligned.h"
#include "core/thread_pool.h"
#include "ops/optimizer.h"
#include "train/parameters.h"

namespace facenet::train {

using Optimize = void (*)(const Optimizer& optimizer, const Update& update, const WeightSpan& span);

// A weight that is trained.
struct TrainedWeight {
  int64_t offset = 0, count = 0;  // elements of the parameter vector
  float decay = 0;
};

class NetworkOptimizer {
 public:
  // `elements`: of the gradient vector.
  NetworkOptimizer(const Optimizer& optimizer, std::vector<TrainedWeight> weights, int64_t elements,
                   Optimize optimize);

  // The L2 norm of the gradient of all trained weights, in fp64. Does not depend on the number of threads.
  double gradientNorm(const float* gradients, ThreadPool& threads) const;

  // `number`: of this update, from 1.
  void update(float* parameters, const float* gradients, double learningRate, double gradientScale,
              int64_t number, ThreadPool& threads);

  const Optimizer& options() const { return optimizer_; }
  float* slot(int i) { return slots_[static_cast<size_t>(i)].get(); }
  static const char* slotName(Optimizer::Kind kind, int slot);
  int64_t memoryBytes() const { return optimizer_.slots() * elements_ * static_cast<int64_t>(sizeof(float)); }

 private:
  Optimizer optimizer_;
  std::vector<TrainedWeight> pieces_;  // of at most pieceElements
  int64_t elements_;
  Optimize optimize_;
  AlignedArray<float> slots_[2];
};

}  // namespace facenet::train
