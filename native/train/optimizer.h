// The optimiser of a whole network: its state, and one pass over all weights that are trained.
#pragma once

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
};

}  // namespace facenet::train
