#include "cuda/common/block_reduction.cuh"
#include "cuda/common/vectors.cuh"
#include "cuda/optimizer.cuh"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256;

// What ops/optimizer.h does to one weight, one rounding per operation.
struct Sgd {
  static constexpr int kSlots = 0;
  float rate;
  __device__ __forceinline__ void operator()(float g, float& w, float&, float&) const {
    w = __fmaf_rn(-rate, g, w);
  }
};

template <bool Nesterov>
struct Momentum {
  static constexpr int kSlots = 1;
  float rate, momentum;
  __device__ __forceinline__ void operator()(float g, float& w, float& v, float&) const {
    v = __fmaf_rn(momentum, v, g);
    w = __fmaf_rn(-rate, Nesterov ? __fmaf_rn(momentum, v, g) : v, w);
  }
};

struct Adagrad {
  static constexpr int kSlots = 1;
  float rate, epsilon;
  __device__ __forceinline__ void operator()(float g, float& w, float& s, float&) const {
    s = __fmaf_rn(g, g, s);
    w = __fsub_rn(w, __fdiv_rn(__fmul_rn(rate, g), __fadd_rn(__fsqrt_rn(s), epsilon)));
  }
};

struct Adam {
  static constexpr int kSlots = 2;
  float rate, root, epsilon, ofMean, ofSquare;  // 1 - beta1, 1 - beta2
  __device__ __forceinline__ void operator()(float g, float& w, float& m, float& v) const {
    m = __fmaf_rn(ofMean, __fsub_rn(g, m), m);
    v = __fmaf_rn(ofSquare, __fmaf_rn(g, g, -v), v);
    w = __fsub_rn(w, __fdiv_rn(__fmul_rn(rate, m), __fmaf_rn(__fsqrt_rn(v), root, epsilon)));
  }
};

// N neighbouring weights.
template <int N, class Rule, class Value>
__device__ __forceinline__ void updateAt(const Rule& rule, float scale, float decay,
                                         const WeightVectors& vectors, int64_t at) {
  const auto in = [at](auto* from) { return *reinterpret_cast<const Value*>(from + at); };
  const auto put = [at](const float(&numbers)[N], float* to) {
    pack(numbers, *reinterpret_cast<Value*>(to + at));
  };
  float w[N], g[N], first[N] = {}, second[N] = {};
  unpack(in(vectors.weights), w);
  unpack(in(vectors.gradients), g);
  if constexpr (Rule::kSlots > 0) unpack(in(vectors.slots[0]), first);
  if constexpr (Rule::kSlots > 1) unpack(in(vectors.slots[1]), second);
#pragma unroll
  for (int i = 0; i < N; ++i) rule(__fmaf_rn(decay, w[i], __fmul_rn(scale, g[i])), w[i], first[i], second[i]);
  put(w, vectors.weights);
  if constexpr (Rule::kSlots > 0) put(first, vectors.slots[0]);
  if constexpr (Rule::kSlots > 1) put(second, vectors.slots[1]);
}

// One block per chunk: 16 bytes per thread and step, and the last weights one by one.
// Registers: at most 64.
template <class Rule>
__global__ void __launch_bounds__(kThreads, 4)
    optimizeKernel(Rule rule, float scale, WeightVectors vectors, const WeightChunk* chunks) {
  const WeightChunk chunk = chunks[blockIdx.x];
  const int whole = chunk.count / 4 * 4;
#pragma unroll 2
  for (int i = static_cast<int>(threadIdx.x) * 4; i < whole; i += kThreads * 4)
    updateAt<4, Rule, float4>(rule, scale, chunk.decay, vectors, chunk.offset + i);
  for (int i = whole + static_cast<int>(threadIdx.x); i < chunk.count; i += kThreads)
    updateAt<1, Rule, float>(rule, scale, chunk.decay, vectors, chunk.offset + i);
}

// For thread 0. The whole block calls it once.
__device__ __forceinline__ double sumOfBlock(double sum) {
  return blockReduce<kThreads>(sum, [](double a, double b) { return a + b; });
}

__device__ __forceinline__ double squareOf(float value) {
  return static_cast<double>(value) * value;  // exact
}

// One block per chunk.
// Registers: at most 48.
__global__ void __launch_bounds__(kThreads)
    squaresKernel(const float* gradients, const WeightChunk* chunks, double* sums) {
  const WeightChunk chunk = chunks[blockIdx.x];
  const float* values = gradients + chunk.offset;
  const int whole = chunk.count / 4 * 4;
  double sum = 0;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x) * 4; i < whole; i += kThreads * 4) {
    const float4 some = *reinterpret_cast<const float4*>(values + i);
    sum += (squareOf(some.x) + squareOf(some.y)) + (squareOf(some.z) + squareOf(some.w));
  }
  for (int i = whole + static_cast<int>(threadIdx.x); i < chunk.count; i += kThreads)
    sum += squareOf(values[i]);
  sum = sumOfBlock(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// One block. The root of the sum of all comes after them.
// Registers: at most 48.
__global__ void __launch_bounds__(kThreads) rootKernel(double* sums, int64_t count) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) sum += sums[i];
  sum = sumOfBlock(sum);
  if (threadIdx.x == 0) sums[count] = sqrt(sum);
}

template <class Rule>
void optimizeBy(const Rule& rule, const Update& update, const WeightVectors& vectors,
                const WeightChunk* chunks, int64_t count, cudaStream_t stream) {
  launch<optimizeKernel<Rule>>(static_cast<unsigned>(count), kThreads, 0, stream, rule, update.scale, vectors,
                               chunks);
}

}  // namespace

void optimizeChunks(const Optimizer& optimizer, const Update& update, const WeightVectors& vectors,
                    const WeightChunk* chunks, int64_t count, cudaStream_t stream) {
  FACENET_ASSERT(count < int64_t{1} << 31);
  if (count == 0) return;
  const auto by = [&](const auto& rule) { optimizeBy(rule, update, vectors, chunks, count, stream); };
  switch (optimizer.kind) {
    case Optimizer::Kind::sgd: return by(Sgd{update.rate});
    case Optimizer::Kind::momentum:
      return optimizer.nesterov ? by(Momentum<true>{update.rate, optimizer.momentum})
                                : by(Momentum<false>{update.rate, optimizer.momentum});
    case Optimizer::Kind::adagrad: return by(Adagrad{update.rate, optimizer.epsilon});
    case Optimizer::Kind::adam:
      return by(Adam{update.rate, update.root, optimizer.epsilon, static_cast<float>(1 - optimizer.beta1),
                     static_cast<float>(1 - optimizer.beta2)});
  }
}

void gradientNorm(const float* gradients, const WeightChunk* chunks, int64_t count, double* sums,
                  cudaStream_t stream) {
  FACENET_ASSERT(count < int64_t{1} << 31);
  if (count > 0)
    launch<squaresKernel>(static_cast<unsigned>(count), kThreads, 0, stream, gradients, chunks, sums);
  launch<rootKernel>(1, kThreads, 0, stream, sums, count);
}

}  // namespace facenet::cuda
