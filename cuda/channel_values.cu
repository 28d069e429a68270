#include "cuda/channel_values.cuh"
#include "cuda/common/channel_sums.cuh"

namespace facenet::cuda {
namespace {

// Registers: at most 24.
__global__ void __launch_bounds__(kWalkThreads) spreadKernel(const float* one, int64_t count, float* values) {
  const int64_t index = int64_t{blockIdx.x} * kWalkThreads + threadIdx.x;
  if (index < count) values[index] = *one;
}

// One block.
// Registers: at most 32.
__global__ void __launch_bounds__(kWalkThreads) addSumKernel(const float* values, int64_t count, float* to) {
  Sums<1> sum[1];
  for (int64_t index = threadIdx.x; index < count; index += kWalkThreads) sum[0].words[0] += values[index];
  mergeRows<kWalkThreads>(static_cast<int>(threadIdx.x), kWalkThreads, 1, sum);
  if (threadIdx.x == 0) *to += sum[0].words[0];
}

}  // namespace

void spread(const float* one, int64_t count, float* values, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((count + kWalkThreads - 1) / kWalkThreads);
  launch<spreadKernel>(blocks, kWalkThreads, 0, stream, one, count, values);
}

void addSum(const float* values, int64_t count, float* to, cudaStream_t stream) {
  launch<addSumKernel>(1, kWalkThreads, 0, stream, values, count, to);
}

}  // namespace facenet::cuda
