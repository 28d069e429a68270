// The optimiser of a whole network on the device: its state, and one launch over all weights that are trained.
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "cuda/optimizer.cuh"
#include "native/cuda/device_buffer.h"
#include "native/cuda/pinned_buffer.h"
#include "train/optimizer.h"

namespace facenet::train::cuda {

// Gives the bits of NetworkOptimizer's updates. Its memory belongs to the device that is current when it is made.
class DeviceOptimizer {
 public:
  // `elements`: of the gradient vector. The weights' offsets are multiples of 16.
  DeviceOptimizer(const Optimizer& optimizer, const std::vector<TrainedWeight>& weights, int64_t elements);

  // The L2 norm of the gradient of all trained weights, in fp64; always the same bits. Waits for the stream.
  double gradientNorm(const float* gradients, cudaStream_t stream);

  // One launch on `stream`, which it does not wait for. Both vectors lie on the device at multiples of 16 bytes.
  // `number`: of this update, from 1.
  void update(float* parameters, const float* gradients, double learningRate, double gradientScale,
              int64_t number, cudaStream_t stream);

  const Optimizer& options() const { return optimizer_; }
  float* slot(int i) const {
    return slots_[static_cast<size_t>(i)].data();
  }                             // device memory, `elements` floats
  int64_t memoryBytes() const;  // of the slots and of what it works with

 private:
  Optimizer optimizer_;
  std::vector<facenet::cuda::DeviceBuffer<float>> slots_;
  facenet::cuda::DeviceBuffer<facenet::cuda::WeightPiece> pieces_;
  facenet::cuda::DeviceBuffer<double> sums_;  // one a piece, and the norm
  facenet::cuda::PinnedBuffer norm_{sizeof(double)};
};

}  // namespace facenet::train::cuda
