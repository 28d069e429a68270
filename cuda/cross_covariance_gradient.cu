#include "cuda/common/block_reduction.cuh"
#include "cuda/cross_covariance_attention.cuh"
#include "cuda/cross_covariance_head.cuh"

namespace facenet::cuda {
namespace {

// In scratch: weights, the gradients of cosines over both lengths, what queries and keys get of themselves, and the
// gradient of the scale from each query.
// Registers: at most 128.
__global__ void __launch_bounds__(kHeadThreads, 2)
    attentionGradientKernel(Numbers q, Numbers k, Numbers v, Numbers dy, HeadScale scales, Heads heads,
                            float* scratch) {
  const Head head(heads);
  const HeadValues made(scratch, head.index, heads, true);
  const float scale = scales.values[scales.one ? 0 : blockIdx.y];
  attend(q, k, scale, head, heads, made);
  const int d = heads.channels;
  for (int i = warpOf(); i < d; i += kHeadWarps) {
    float* const cosines = made.cosines + int64_t{i} * d;
    float* const gradients = made.gradients + int64_t{i} * d;
    const float* const weights = made.weights + int64_t{i} * d;
    float mean = 0, ofScale = 0, along = 0;
    for (int j = laneOf(); j < d; j += kWarpSize) {
      gradients[j] = product(dy, i, v, j, head, heads);
      mean = fmaf(weights[j], gradients[j], mean);
    }
    mean = warpSum(mean);
    const float length = made.queries[i];
    for (int j = laneOf(); j < d; j += kWarpSize) {
      const float logit = weights[j] * (gradients[j] - mean);
      ofScale = fmaf(logit, cosines[j], ofScale);
      cosines[j] *= scale * logit;
      along += cosines[j];
      gradients[j] = scale * logit / (length * made.keys[j]);
    }
    ofScale = warpSum(ofScale);
    along = warpSum(along);
    if (laneOf() == 0) {
      made.scales[i] = ofScale;
      made.alongQueries[i] = length > heads.epsilon ? along / (length * length) : 0.f;
    }
  }
  __syncthreads();
  for (int j = static_cast<int>(threadIdx.x); j < d; j += kHeadThreads) {
    float along = 0;
    for (int i = 0; i < d; ++i) along += made.cosines[int64_t{i} * d + j];
    const float length = made.keys[j];
    made.alongKeys[j] = length > heads.epsilon ? along / (length * length) : 0.f;
  }
}

struct Target {
  Numbers dx;
  bool accumulate;
  explicit Target(const AttentionGradient& gradient) : dx(gradient.view), accumulate(gradient.accumulate) {}

  __device__ __forceinline__ void put(const AttendedValue& at, float value) const {
    dx.put(at.pixel, at.channel, accumulate ? dx.at(at.pixel, at.channel) + value : value);
  }
};

// In the order of the inputs, since two of them may be one tensor.
// Registers: at most 64.
__global__ void __launch_bounds__(kHeadThreads, 4)
    attendedGradientKernel(Numbers q, Numbers k, Numbers dy, Target dq, Target dk, Target dv, int64_t pixels,
                           Heads heads, float* scratch) {
  const AttendedValue at(pixels, heads);
  if (!at.works) return;
  const HeadValues made(scratch, at.head, heads, true);
  const int d = heads.channels;
  if (dq.dx.data) {
    float sum = -made.alongQueries[at.own] * q.at(at.pixel, at.channel);
    for (int j = 0; j < d; ++j)
      sum = fmaf(made.gradients[int64_t{at.own} * d + j], k.at(at.pixel, at.first + j), sum);
    dq.put(at, sum);
  }
  if (dk.dx.data) {
    float sum = -made.alongKeys[at.own] * k.at(at.pixel, at.channel);
    for (int i = 0; i < d; ++i)
      sum = fmaf(made.gradients[int64_t{i} * d + at.own], q.at(at.pixel, at.first + i), sum);
    dk.put(at, sum);
  }
  if (dv.dx.data) {
    float sum = 0;
    for (int i = 0; i < d; ++i)
      sum = fmaf(made.weights[int64_t{i} * d + at.own], dy.at(at.pixel, at.first + i), sum);
    dv.put(at, sum);
  }
}

// A block has a head, or with `one` all of them.
// Registers: at most 40.
__global__ void __launch_bounds__(kHeadThreads)
    attentionScaleGradientKernel(int64_t images, Heads heads, bool one, float* scratch, float* scale) {
  // Threads share the images; lanes and warps are added in a fixed order.
  float sum = 0;
  const int begin = one ? 0 : static_cast<int>(blockIdx.x), end = one ? heads.count : begin + 1;
  for (int64_t n = threadIdx.x; n < images; n += kHeadThreads)
    for (int h = begin; h < end; ++h) {
      const HeadValues made(scratch, n * heads.count + h, heads, true);
      for (int i = 0; i < heads.channels; ++i) sum += made.scales[i];
    }
  sum = blockSum<kHeadThreads>(sum);
  if (threadIdx.x == 0) scale[begin] += sum;
}

}  // namespace

int64_t attentionGradientScratch(const CrossCovarianceAttention& op, int64_t count, const Shape& shape) {
  const int64_t floats = HeadValues::gradientFloats(op.headChannels(shape));
  return count * op.heads * floats * static_cast<int64_t>(sizeof(float));
}

void attentionGradient(const CrossCovarianceAttention& op, HeadScale scale, const View& q, const View& k,
                       const View& v, const View& dy, const AttentionGradients& gradients, void* scratch,
                       cudaStream_t stream) {
  FACENET_ASSERT(sameSize(q, dy) && sameSize(k, dy) && sameSize(v, dy));
  if (dy.count * dy.shape.elements() == 0) return;
  const Heads heads = headsOf(op, q);
  auto* const made = static_cast<float*>(scratch);
  launch<attentionGradientKernel>(headGrid(heads, q.count), kHeadThreads, 0, stream, Numbers(q), Numbers(k),
                                  Numbers(v), Numbers(dy), scale, heads, made);
  launch<attendedGradientKernel>(valueBlocks(dy), kHeadThreads, 0, stream, Numbers(q), Numbers(k),
                                 Numbers(dy), Target(gradients.q), Target(gradients.k), Target(gradients.v),
                                 dy.count * dy.shape.pixels(), heads, made);
  if (!gradients.scale) return;
  const auto blocks = static_cast<unsigned>(scale.one ? 1 : heads.count);
  launch<attentionScaleGradientKernel>(blocks, kHeadThreads, 0, stream, dy.count, heads, scale.one, made,
                                       gradients.scale);
}

}  // namespace facenet::cuda
