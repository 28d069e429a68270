#include "cuda/cross_covariance_attention.cuh"
#include "cuda/cross_covariance_head.cuh"

namespace facenet::cuda {
namespace {

// Registers: at most 64.
__global__ void __launch_bounds__(kHeadThreads, 4)
    attentionWeightsKernel(Numbers q, Numbers k, HeadScale scale, Heads heads, float* scratch) {
  const Head head(heads);
  attend(q, k, scale.values[scale.one ? 0 : blockIdx.y], head, heads,
         HeadValues(scratch, head.index, heads, false));
}

// Registers: at most 64.
__global__ void __launch_bounds__(kHeadThreads, 4)
    attendedValuesKernel(Numbers v, Numbers y, int64_t pixels, Heads heads, float* scratch) {
  const AttendedValue at(pixels, heads);
  if (!at.works) return;
  const HeadValues made(scratch, at.head, heads, false);
  const float* weights = made.weights + int64_t{at.own} * heads.channels;
  float sum = 0;
  for (int j = 0; j < heads.channels; ++j) sum = fmaf(weights[j], v.at(at.pixel, at.first + j), sum);
  y.put(at.pixel, at.channel, sum);
}

}  // namespace

int64_t attentionScratch(const CrossCovarianceAttention& op, int64_t count, const Shape& shape) {
  return count * op.heads * HeadValues::floats(op.headChannels(shape)) * static_cast<int64_t>(sizeof(float));
}

void attention(const CrossCovarianceAttention& op, HeadScale scale, const View& q, const View& k,
               const View& v, const View& y, void* scratch, cudaStream_t stream) {
  FACENET_ASSERT(sameSize(q, y) && sameSize(k, y) && sameSize(v, y));
  if (y.count * y.shape.elements() == 0) return;
  const Heads heads = headsOf(op, q);
  auto* const made = static_cast<float*>(scratch);
  launch<attentionWeightsKernel>(headGrid(heads, q.count), kHeadThreads, 0, stream, Numbers(q), Numbers(k),
                                 scale, heads, made);
  launch<attendedValuesKernel>(valueBlocks(y), kHeadThreads, 0, stream, Numbers(v), Numbers(y),
                               y.count * y.shape.pixels(), heads, made);
}

}  // namespace facenet::cuda
