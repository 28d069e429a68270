// The moving average of a trainer's values: its weights, and the running statistics of their norms.
#pragma once

#include "native/backends/training_backend.h"

namespace facenet::train {

class MovingAverage {
 public:
  // Starts at `values`, Parameters::elements floats in the backend's memory. `decay`: above 0 and below 1.
  MovingAverage(TrainingBackend& backend, const Parameters& parameters, const float* values, double decay);

  // After update number `updates`, from 1: average = d average + (1 - d) values, with d = min(decay, (1 + updates) / (10 + updates)),
  // so that the random weights of the start are soon forgotten (as in TensorFlow's ExponentialMovingAverage). One pass over all
  // values, as fma(-share, average - value, average) in fp32: the same bits on every backend.
  void follow(const float* values, int64_t updates);

  float* values() const { return static_cast<float*>(memory_.get()); }
  int64_t memoryBytes() const { return bytes_; }

 private:
  double decay_;
  int64_t bytes_;
  std::shared_ptr<void> memory_;
  std::unique_ptr<NetworkOptimizer> pass_;
};

}  // namespace facenet::train
