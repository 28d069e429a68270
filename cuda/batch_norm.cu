#include "cuda/batch_norm.cuh"
#include "cuda/common/gradient.cuh"
#include "cuda/norm_arrays.cuh"

namespace facenet::cuda {
namespace {

// One pass over x.
// Registers: at most 64.
template <class X, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    momentsKernel(Pixels<X> x, PixelSplits splits, float* parts) {
  const SplitThread<N> thread(splits);
  float mean[N] = {}, squares[N] = {}, count = 0;
#pragma unroll 4
  for (int64_t pixel = thread.begin; pixel < thread.end; pixel += thread.stride) {
    float numbers[N];
    unpack(x.template load<N>(pixel, thread.channel), numbers);
    count += 1.f;
    const float share = 1.f / count;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const float difference = numbers[i] - mean[i];
      mean[i] = fmaf(difference, share, mean[i]);
      squares[i] = fmaf(difference, numbers[i] - mean[i], squares[i]);
    }
  }
  Moments moments[N];
#pragma unroll
  for (int i = 0; i < N; ++i)
    moments[i].words[0] = mean[i], moments[i].words[1] = squares[i], moments[i].words[2] = count;
  storePartial(splits, thread, moments, parts);
}

// What a channel is normalised by: y = (x - mean) * factor + shift.
struct Normalization {
  NormParameter scale, shift, runningMean, runningVariance;
  float epsilon, rate, unbiased;
  float *mean, *inverse;               // saved
  float *factor, *offset, *variances;  // in scratch; the unbiased variances

  // By the batch.
  __device__ void operator()(int channel, const Moments& moments) const {
    const float variance = moments.variance();
    put(channel, moments.mean(), 1.f / sqrtf(variance + epsilon));
    variances[channel] = variance * unbiased;
    if (rate == 0.f) return;
    if (runningMean.values && !runningMean.one) move(runningMean.values[channel], moments.mean());
    if (runningVariance.values && !runningVariance.one)
      move(runningVariance.values[channel], variance * unbiased);
  }
  // By what is given.
  __device__ void operator()(int channel) const {
    const float inverse =
        runningVariance.values ? 1.f / sqrtf(valueOf(runningVariance, channel, 1) + epsilon) : 1.f;
    put(channel, valueOf(runningMean, channel, 0), inverse);
  }

 private:
  __device__ void put(int channel, float itsMean, float itsInverse) const {
    mean[channel] = itsMean;
    inverse[channel] = itsInverse;
    factor[channel] = valueOf(scale, channel, 1) * itsInverse;
    offset[channel] = valueOf(shift, channel, 0);
  }
  __device__ void move(float& running, float target) const { running += rate * (target - running); }
};

// Registers: at most 40.
__global__ void __launch_bounds__(kPixelThreads)
    normalizationKernel(int channels, Normalization normalization) {
  const int channel = static_cast<int>(blockIdx.x) * kPixelThreads + static_cast<int>(threadIdx.x);
  if (channel < channels) normalization(channel);
}

// A running statistic that stands for all channels. One block.
// Registers: at most 32.
__global__ void __launch_bounds__(kPixelThreads)
    moveOneKernel(const float* values, int channels, float rate, float* running) {
  Sums<1> sum[1];
  for (int channel = static_cast<int>(threadIdx.x); channel < channels; channel += kPixelThreads)
    sum[0].words[0] += values[channel];
  mergeRows<kPixelThreads>(static_cast<int>(threadIdx.x), kPixelThreads, 1, sum);
  if (threadIdx.x == 0) *running += rate * (sum[0].words[0] / static_cast<float>(channels) - *running);
}

// Registers: at most 64.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    normalizeKernel(Pixels<X> x, Y* y, int64_t yStride, const float* means, const float* factors,
                    const float* offsets, PixelGrid grid) {
  const PixelThread<N, kNormSteps> thread(grid);
  if (thread.valid == 0) return;
  float mean[N], factor[N], offset[N];
  loadOfChannels(means + thread.channel, mean);
  loadOfChannels(factors + thread.channel, factor);
  loadOfChannels(offsets + thread.channel, offset);
#pragma unroll 1
  for (int first = 0; first < kNormSteps; first += kGradientSteps) {
    Pack<X, N> packs[kGradientSteps];
#pragma unroll
    for (int k = 0; k < kGradientSteps; ++k)
      if (thread.has(first + k)) packs[k] = x.template load<N>(thread.pixel(first + k), thread.channel);
#pragma unroll
    for (int k = 0; k < kGradientSteps; ++k) {
      if (!thread.has(first + k)) break;
      float numbers[N];
      unpack(packs[k], numbers);
#pragma unroll
      for (int i = 0; i < N; ++i) numbers[i] = fmaf(numbers[i] - mean[i], factor[i], offset[i]);
      storeNumbers(numbers, thread.valid, y + thread.pixel(first + k) * yStride + thread.channel);
    }
  }
}

void moveOne(const NormParameter& running, const float* values, int channels, float rate,
             cudaStream_t stream) {
  if (running.values && running.one)
    launch<moveOneKernel>(1, kPixelThreads, 0, stream, values, channels, rate, running.values);
}

}  // namespace

int64_t normSavedBytes(int64_t channels) {
  return SavedNorm::kArrays * channelPitch(channels) * static_cast<int64_t>(sizeof(float));
}

int64_t normScratchBytes(int64_t count, const Shape& shape) {
  const int64_t parts = partialFloats(count * shape.pixels(), shape.channels, Moments::kWords);
  return (kNormScratchArrays * channelPitch(shape.channels) + parts) * static_cast<int64_t>(sizeof(float));
}

void normForward(const NormCall& call, const View& x, const View& y, float rate, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape);
  const int64_t pixels = x.count * x.shape.pixels();
  const auto channels = static_cast<int>(x.shape.channels);
  if (pixels * channels == 0) return;
  const SavedNorm saved(call.saved, channels);
  const auto inScratch = [&](int index) { return normArray(call.scratch, channels, index); };
  const auto m = static_cast<float>(pixels);
  const Normalization normalization{
      call.scale, call.shift,    call.mean,    call.variance, call.epsilon, rate, m > 1 ? m / (m - 1) : 1,
      saved.mean, saved.inverse, inScratch(0), inScratch(1),  inScratch(2)};
  if (call.batch) {
    float* parts = inScratch(kNormScratchArrays);
    withTrainedType(x.dtype, [&]<class X>(TypeOf<X>) {
      constexpr int kWide = kPackedChannels<X>;
      withWidth<kWide>(packs<X, kWide>(x), [&]<int N>(Width<N>) {
        const SplitLaunch p = splitPixels(pixels, channels, N);
        launch<momentsKernel<X, N>>(p.grid, p.threads, 0, stream, Pixels<X>(x), p.splits, parts);
        mergeSplits<Moments>(parts, p.splits, normalization, stream);
      });
    });
    if (rate != 0) {
      moveOne(call.mean, saved.mean, channels, rate, stream);
      moveOne(call.variance, inScratch(2), channels, rate, stream);
    }
  } else {
    const auto blocks = static_cast<unsigned>(ceilDivide(channels, kPixelThreads));
    launch<normalizationKernel>(blocks, kPixelThreads, 0, stream, channels, normalization);
  }
  withTrainedTypes(x.dtype, y.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    withWidth<kWide>(packs<X, kWide>(x) && packs<Y, kWide>(y), [&]<int N>(Width<N>) {
      const PixelLaunch w = pixelLaunch<N, kNormSteps>(y);
      launch<normalizeKernel<X, Y, N>>(w.blocks, w.threads, 0, stream, Pixels<X>(x), y.as<Y>(), y.pixelStride,
                                       static_cast<const float*>(saved.mean),
                                       static_cast<const float*>(normalization.factor),
                                       static_cast<const float*>(normalization.offset), w.grid);
    });
  });
}

}  // namespace facenet::cuda
