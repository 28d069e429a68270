#include "cuda/channel_values.cuh"
#include "cuda/common/channel_sums.cuh"

namespace facenet::cuda {
namespace {

// Registers: at most 24.
__global__ void __launch_bounds__(kPixelThreads)
    broadcastKernel(const float* one, int64_t count, float* values) {
  const int64_t index = int64_t{blockIdx.x} * kPixelThreads + threadIdx.x;
  if (index < count) values[index] = *one;
}

// One block.
// Registers: at most 32.
__global__ void __launch_bounds__(kPixelThreads) addSumKernel(const float* values, int64_t count, float* to) {
  Sums<1> sum[1];
  for (int64_t index = threadIdx.x; index < count; index += kPixelThreads) sum[0].words[0] += values[index];
  mergeRows<kPixelThreads>(static_cast<int>(threadIdx.x), kPixelThreads, 1, sum);
  if (threadIdx.x == 0) *to += sum[0].words[0];
}

}  // namespace

void broadcast(const float* one, int64_t count, float* values, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(ceilDivide(count, kPixelThreads));
  launch<broadcastKernel>(blocks, kPixelThreads, 0, stream, one, count, values);
}

void addSum(const float* values, int64_t count, float* to, cudaStream_t stream) {
  launch<addSumKernel>(1, kPixelThreads, 0, stream, values, count, to);
}

}  // namespace facenet::cuda
