// The optimiser of a whole network: its state, and one pass over all weights that are trained.
#pragma once

#include "native/core/aligned.h"
#include "native/core/thread_pool.h"
#include "native/ops/optimizer.h"
#include "native/train/parameters.h"

namespace facenet::train {

// A weight that is trained.
struct TrainedWeight {
  int64_t offset = 0, count = 0;  // elements of the parameter vector
  float decay = 0;
};

// Pointers are to a backend's memory.
class NetworkOptimizer {
 public:
  virtual ~NetworkOptimizer() = default;

  // The L2 norm of the gradient of all trained weights, in fp64. Always the same bits.
  virtual double gradientNorm(const float* gradients) = 0;

  // `number`: of this update, from 1.
  virtual void update(float* parameters, const float* gradients, double learningRate, double gradientScale,
                      int64_t number) = 0;

  virtual float* slot(int i) = 0;
  virtual int64_t memoryBytes() const = 0;

  static const char* slotName(Optimizer::Kind kind, int slot);
};

using Optimize = void (*)(const Optimizer& optimizer, const Update& update, const WeightSpan& span);

class HostOptimizer final : public NetworkOptimizer {
 public:
  // `elements`: of the gradient vector. Results do not depend on the number of threads.
  HostOptimizer(const Optimizer& optimizer, const std::vector<TrainedWeight>& weights, int64_t elements,
                Optimize optimize, ThreadPool& threads);

  double gradientNorm(const float* gradients) override;
  void update(float* parameters, const float* gradients, double learningRate, double gradientScale,
              int64_t number) override;
  float* slot(int i) override { return slots_[static_cast<size_t>(i)].get(); }
  int64_t memoryBytes() const override {
    return optimizer_.slots() * elements_ * static_cast<int64_t>(sizeof(float));
  }

 private:
  Optimizer optimizer_;
  std::vector<TrainedWeight> pieces_;  // of at most pieceElements
  int64_t elements_;
  Optimize optimize_;
  ThreadPool& threads_;
  AlignedArray<float> slots_[2];
};

}  // namespace facenet::train
