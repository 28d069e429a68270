#include <algorithm>

#include "cuda/conv2d/weight_gradient/weight_gradient_sums.cuh"

namespace facenet::cuda {
namespace {

// A block has some channels of a row with all their taps: they lie together in the weights. Its threads stand
// kValues across these and kSlices deep in the splits.
constexpr int kValues = 64, kSlices = 4, kThreads = kValues * kSlices;
constexpr int kMaxValues = 1024;
constexpr int kBlocksPerSm = 4;

struct Slices {
  float of[kSlices][kMaxValues];
};

struct Arguments {
  GradientWeights weights;
  const float* scratch;
  int splits;
  int channelsPerBlock, pitch;  // pitch: from a channel's values to the next one's in shared memory
};

// Registers: at most 64.
__global__ void __launch_bounds__(kThreads, kBlocksPerSm) addGradientSplitsKernel(Arguments a) {
  const GradientWeights& w = a.weights;
  auto& slices = shared<Slices>();
  const int64_t row = blockIdx.y + int64_t{blockIdx.z} * gridDim.y;
  if (row >= w.rows) return;
  const int first = static_cast<int>(blockIdx.x) * a.channelsPerBlock;
  const int channels = min(a.channelsPerBlock, w.channels - first);
  const int slice = static_cast<int>(threadIdx.x) / kValues;
  const int64_t columns = int64_t{w.taps} * w.tapTerms, apart = w.rows * columns;
  for (int i = static_cast<int>(threadIdx.x) % kValues; i < channels * w.taps; i += kValues) {
    const int tap = i / channels, channel = i % channels;
    const float* from = a.scratch + row * columns + tap * w.tapTerms + first + channel;
    float sum = 0.f;
#pragma unroll 8
    for (int split = slice; split < a.splits; split += kSlices) sum += from[split * apart];
    slices.of[slice][channel * a.pitch + tap] = sum;
  }
  __syncthreads();
  float* const to = w.weight + (row * w.channels + first) * w.taps;
  for (int i = static_cast<int>(threadIdx.x); i < channels * w.taps; i += kThreads) {
    const int from = i / w.taps * a.pitch + i % w.taps;
    float sum = slices.of[0][from];
#pragma unroll
    for (int k = 1; k < kSlices; ++k) sum += slices.of[k][from];
    to[i] = w.add ? to[i] + sum : sum;
  }
}

}  // namespace

void addGradientSplits(const GradientWeights& weights, const float* scratch, int splits,
                       cudaStream_t stream) {
  FACENET_ASSERT(weights.taps < kMaxValues);
  Arguments a{weights, scratch, splits, 0, 0};
  a.pitch = weights.taps | 1;  // odd: a tap's values lie in different banks
  const int most = kMaxValues / a.pitch;
  a.channelsPerBlock = std::min(weights.channels, most >= 8 ? most / 8 * 8 : most);
  const int64_t down = std::min<int64_t>(weights.rows, 32768), deep = ceilDivide(weights.rows, down);
  const dim3 grid(static_cast<unsigned>(ceilDivide(weights.channels, a.channelsPerBlock)),
                  static_cast<unsigned>(down), static_cast<unsigned>(deep));
  launch<addGradientSplitsKernel>(grid, kThreads, 0, stream, a);
}

}  // namespace facenet::cuda
