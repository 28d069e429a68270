#include "native/backends/cuda/optimizer.h"

#include <algorithm>

namespace facenet::cuda {

namespace {

std::vector<WeightChunk> chunksOf(const std::vector<train::TrainedWeight>& weights) {
  std::vector<WeightChunk> chunks;
  for (const train::TrainedWeight& weight : weights)
    for (int64_t done = 0; done < weight.count; done += kChunkWeights)
      chunks.push_back({weight.offset + done,
                        static_cast<int32_t>(std::min<int64_t>(kChunkWeights, weight.count - done)),
                        weight.decay});
  return chunks;
}

template <class T>
DeviceBuffer<T> onDevice(const std::vector<T>& values) {
  DeviceBuffer<T> buffer(static_cast<int64_t>(values.size()));
  buffer.copyFrom(values.data());
  return buffer;
}

}  // namespace

DeviceOptimizer::DeviceOptimizer(const Optimizer& optimizer, const std::vector<train::TrainedWeight>& weights,
                                 int64_t elements, cudaStream_t stream)
    : optimizer_(optimizer),
      stream_(stream),
      chunks_(onDevice(chunksOf(weights))),
      sums_(chunks_.count() + 1) {
  const float initial = optimizer.kind == Optimizer::Kind::adagrad ? optimizer.initialAccumulator : 0;
  for (int i = 0; i < optimizer.slots(); ++i)
    slots_.push_back(onDevice(std::vector<float>(static_cast<size_t>(elements), initial)));
}

double DeviceOptimizer::gradientNorm(const float* gradients) {
  cuda::gradientNorm(gradients, chunks_.data(), chunks_.count(), sums_.data(), stream_);
  FACENET_CUDA_CHECK(cudaMemcpyAsync(norm_.data(), sums_.data() + chunks_.count(), sizeof(double),
                                     cudaMemcpyDeviceToHost, stream_));
  FACENET_CUDA_CHECK(cudaStreamSynchronize(stream_));
  return *reinterpret_cast<const double*>(norm_.data());
}

void DeviceOptimizer::update(float* parameters, const float* gradients, double learningRate,
                             double gradientScale, int64_t number) {
  WeightVectors vectors{parameters, gradients, {}};
  for (size_t i = 0; i < slots_.size(); ++i) vectors.slots[i] = slots_[i].data();
  optimizeChunks(optimizer_, {optimizer_, learningRate, gradientScale, number}, vectors, chunks_.data(),
                 chunks_.count(), stream_);
}

int64_t DeviceOptimizer::memoryBytes() const {
  size_t bytes = chunks_.bytes() + sums_.bytes();
  for (const auto& slot : slots_) bytes += slot.bytes();
  return static_cast<int64_t>(bytes);
}

}  // namespace facenet::cuda
