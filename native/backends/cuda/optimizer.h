// The optimiser of a whole network on the device: its state, and one launch over all weights that are trained.
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "cuda/optimizer.cuh"
#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/backends/cuda/runtime/pinned_buffer.h"
#include "native/train/optimizer.h"

namespace facenet::cuda {

// Gives the bits of HostOptimizer's updates. Its memory, and the vectors it is given, belong to the device that is
// current when it is made; vectors lie at multiples of 16 bytes.
class DeviceOptimizer final : public train::NetworkOptimizer {
 public:
  // `elements`: of the gradient vector. The weights' offsets are multiples of 16. All work goes to `stream`.
  DeviceOptimizer(const Optimizer& optimizer, const std::vector<train::TrainedWeight>& weights,
                  int64_t elements, cudaStream_t stream);

  // Waits for the stream.
  double gradientNorm(const float* gradients) override;
  // One launch, which it does not wait for.
  void update(float* parameters, const float* gradients, double learningRate, double gradientScale,
              int64_t number) override;

  float* slot(int i) override { return slots_[static_cast<size_t>(i)].data(); }
  int64_t memoryBytes() const override;  // of the slots and of what it works with

 private:
  Optimizer optimizer_;
  cudaStream_t stream_;
  std::vector<DeviceBuffer<float>> slots_;
  DeviceBuffer<WeightChunk> chunks_;
  DeviceBuffer<double> sums_;  // one per piece, and the norm
  PinnedBuffer norm_{sizeof(double)};
};

}  // namespace facenet::cuda
