// What the kernels of cross_covariance_attention share: activations of any type, the heads of a batch, and what channels of a
// head give of each other.
#pragma once

#include "cuda/common/pixel_grid.cuh"
#include "native/ops/cross_covariance_attention.h"

namespace facenet::cuda {

// An activation of any type: the matrices of a head are small, and what a type costs at each access is little beside them.
struct Numbers {
  void* data;
  int64_t stride;
  DType dtype;
  explicit Numbers(const View& view) : data(view.data), stride(view.pixelStride), dtype(view.dtype) {}

  __device__ __forceinline__ float at(int64_t pixel, int channel) const {
    const int64_t index = pixel * stride + channel;
    float number[1];
    if (dtype == DType::f32)
      number[0] = static_cast<const float*>(data)[index];
    else if (dtype == DType::bf16)
      unpack(static_cast<const bf16*>(data)[index], number);
    else
      unpack(static_cast<const f16*>(data)[index], number);
    return number[0];
  }
  __device__ __forceinline__ void put(int64_t pixel, int channel, float value) const {
    const int64_t index = pixel * stride + channel;
    const float number[1] = {value};
    if (dtype == DType::f32)
      storeNumbers(number, 1, static_cast<float*>(data) + index);
    else if (dtype == DType::bf16)
      storeNumbers(number, 1, static_cast<bf16*>(data) + index);
    else
      storeNumbers(number, 1, static_cast<f16*>(data) + index);
  }
};

constexpr int kHeadThreads = 256, kHeadWarps = kHeadThreads / kWarpSize;

struct Heads {
  int64_t pixels;       // of an image
  int count, channels;  // heads of an image; channels of a head
  float epsilon;
};

// What is made of a head, in scratch: lengths, and d x d values of which those of one query lie in a row.
struct HeadValues {
  float *queries, *keys, *weights;
  // Of the gradient only. along: what a query or key gets of itself.
  float *alongQueries, *alongKeys, *scales, *cosines, *gradients;

  __host__ __device__ static constexpr int64_t floats(int64_t channels) {
    return 2 * channels + channels * channels;
  }
  __host__ __device__ static constexpr int64_t gradientFloats(int64_t channels) {
    return 5 * channels + 3 * channels * channels;
  }

  __device__ __forceinline__ HeadValues(float* scratch, int64_t head, const Heads& heads, bool gradient) {
    const int64_t d = heads.channels;
    queries = scratch + head * (gradient ? gradientFloats(d) : floats(d));
    keys = queries + d;
    weights = keys + d;
    cosines = gradient ? weights + d * d : weights;
    gradients = cosines + d * d;
    alongQueries = gradients + d * d;
    alongKeys = alongQueries + d;
    scales = alongKeys + d;
  }
};

// The block's head: blocks in x are images, those in y heads.
struct Head {
  int64_t first;  // pixel
  int channel;
  int64_t index;  // among all of the batch
  __device__ __forceinline__ explicit Head(const Heads& heads)
      : first(int64_t{blockIdx.x} * heads.pixels),
        channel(static_cast<int>(blockIdx.y) * heads.channels),
        index(int64_t{blockIdx.x} * heads.count + blockIdx.y) {}
};

__device__ __forceinline__ float product(const Numbers& a, int i, const Numbers& b, int j, const Head& head,
                                         const Heads& heads) {
  float sum = 0;
  for (int64_t p = head.first; p < head.first + heads.pixels; ++p)
    sum = fmaf(a.at(p, head.channel + i), b.at(p, head.channel + j), sum);
  return sum;
}

// Lengths, cosines and weights of the block's head. Weights may lie where cosines do, and then replace them. All threads
// call it; after it each warp may read what it has made: rows warp, warp + kHeadWarps, ...
__device__ __forceinline__ void attend(const Numbers& q, const Numbers& k, float scale, const Head& head,
                                       const Heads& heads, const HeadValues& made) {
  const int d = heads.channels;
  for (int c = static_cast<int>(threadIdx.x); c < 2 * d; c += kHeadThreads) {
    const float squares = c < d ? product(q, c, q, c, head, heads) : product(k, c - d, k, c - d, head, heads);
    made.queries[c] = fmaxf(sqrtf(squares), heads.epsilon);
  }
  __syncthreads();
  for (int i = warpOf(); i < d; i += kHeadWarps) {
    float *cosines = made.cosines + int64_t{i} * d, *weights = made.weights + int64_t{i} * d;
    float most = -INFINITY, total = 0;
    for (int j = laneOf(); j < d; j += kWarpSize) {
      cosines[j] = product(q, i, k, j, head, heads) / (made.queries[i] * made.keys[j]);
      most = fmaxf(most, scale * cosines[j]);
    }
    most = warpReduce(most, [](float a, float b) { return fmaxf(a, b); });
    for (int j = laneOf(); j < d; j += kWarpSize) {
      weights[j] = expf(scale * cosines[j] - most);
      total += weights[j];
    }
    total = warpSum(total);
    for (int j = laneOf(); j < d; j += kWarpSize) weights[j] /= total;
  }
}

// What a thread has that makes a value: a channel of a pixel.
struct AttendedValue {
  int64_t pixel, head;
  int channel, own, first;  // of the image; of the head; the head's first
  bool works;

  __device__ __forceinline__ AttendedValue(int64_t pixels, const Heads& heads) {
    const int64_t index = int64_t{blockIdx.x} * kHeadThreads + threadIdx.x;
    const int channels = heads.count * heads.channels;
    pixel = index / channels;
    channel = static_cast<int>(index - pixel * channels);
    const int h = channel / heads.channels;
    first = h * heads.channels;
    own = channel - first;
    head = pixel / heads.pixels * heads.count + h;
    works = pixel < pixels;
  }
};

inline Heads headsOf(const CrossCovarianceAttention& op, const View& x) {
  FACENET_ASSERT(op.heads <= 65535 && x.count < (int64_t{1} << 31));
  return {x.shape.pixels(), static_cast<int>(op.heads), static_cast<int>(op.headChannels(x.shape)),
          op.epsilon};
}

inline dim3 headGrid(const Heads& heads, int64_t count) {
  return dim3(static_cast<unsigned>(count), static_cast<unsigned>(heads.count));
}

inline unsigned valueBlocks(const View& x) {
  const int64_t blocks = ceilDivide(x.count * x.shape.elements(), kHeadThreads);
  FACENET_ASSERT(blocks < (int64_t{1} << 31));
  return static_cast<unsigned>(blocks);
}

inline bool sameSize(const View& a, const View& b) {
  return a.count == b.count && a.shape == b.shape;
}

}  // namespace facenet::cuda
