#include "cuda/batch_norm.cuh"
#include "cuda/channel_values.cuh"
#include "cuda/common/gradient.cuh"
#include "cuda/norm_arrays.cuh"

namespace facenet::cuda {
namespace {

// Sums of dy, and of dy (x - mean).
// Registers: at most 64.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    normSumsKernel(Pixels<X> x, Pixels<Y> dy, const float* means, PixelSplits splits, float* parts) {
  const SplitThread<N> thread(splits);
  float mean[N] = {};
  if (thread.valid > 0) loadOfChannels(means + thread.channel, mean);
  Sums<2> sums[N];
#pragma unroll 2
  for (int64_t pixel = thread.begin; pixel < thread.end; pixel += thread.stride) {
    float in[N], gradient[N];
    unpack(x.template load<N>(pixel, thread.channel), in);
    unpack(dy.template load<N>(pixel, thread.channel), gradient);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      sums[i].words[0] += gradient[i];
      sums[i].words[1] = fmaf(gradient[i], in[i] - mean[i], sums[i].words[1]);
    }
  }
  storePartial(splits, thread, sums, parts);
}

// From a channel's sums: the gradients of scale and shift, and dx = factor (dy - share - (x - mean) slope).
struct NormSums {
  NormParameter scale;
  const float* inverse;
  float* scaleGradient;  // one value per channel
  float* shiftGradient;
  float pixels;  // of the batch that the statistics are of; 0: they are constants
  float *factor, *share, *slope;
  float *scaleTotals, *shiftTotals;

  __device__ void operator()(int channel, const Sums<2>& sums) const {
    const float ofShift = sums.words[0], ofScale = sums.words[1] * inverse[channel];
    factor[channel] = valueOf(scale, channel, 1) * inverse[channel];
    share[channel] = pixels > 0.f ? ofShift / pixels : 0.f;
    slope[channel] = pixels > 0.f ? ofScale * inverse[channel] / pixels : 0.f;
    scaleTotals[channel] = ofScale;
    shiftTotals[channel] = ofShift;
    if (scaleGradient) scaleGradient[channel] += ofScale;
    if (shiftGradient) shiftGradient[channel] += ofShift;
  }
};

// Where no sum is wanted.
// Registers: at most 32.
__global__ void __launch_bounds__(kPixelThreads) normFactorKernel(int channels, NormSums sums) {
  const int channel = static_cast<int>(blockIdx.x) * kPixelThreads + static_cast<int>(threadIdx.x);
  if (channel < channels) sums(channel, {});
}

// One value per channel each, padded.
struct NormSlopes {
  const float *mean, *factor, *share, *slope;
};

// Batch: the statistics are those of x, and depend on it.
// Registers: at most 112.
template <class X, class Y, int N, bool Batch>
__global__ void __launch_bounds__(kPixelThreads, 2)
    normGradientKernel(Pixels<X> x, Pixels<Y> dy, NormSlopes slopes, GradientPixels<X> dx, PixelGrid grid) {
  const PixelThread<N, kNormSteps> thread(grid);
  if (thread.valid == 0) return;
  float factor[N], share[N], slope[N], mean[N];
  loadOfChannels(slopes.factor + thread.channel, factor);
  if constexpr (Batch) {
    loadOfChannels(slopes.share + thread.channel, share);
    loadOfChannels(slopes.slope + thread.channel, slope);
    loadOfChannels(slopes.mean + thread.channel, mean);
  }
#pragma unroll 1
  for (int first = 0; first < kNormSteps; first += kGradientSteps) {
    Pack<X, N> xs[kGradientSteps], before[kGradientSteps];
    Pack<Y, N> dys[kGradientSteps];
#pragma unroll
    for (int k = 0; k < kGradientSteps; ++k) {
      if (!thread.has(first + k)) break;
      const int64_t pixel = thread.pixel(first + k);
      if constexpr (Batch) xs[k] = x.template load<N>(pixel, thread.channel);
      dys[k] = dy.template load<N>(pixel, thread.channel);
      before[k] = dx.template before<N>(pixel, thread.channel);
    }
#pragma unroll
    for (int k = 0; k < kGradientSteps; ++k) {
      if (!thread.has(first + k)) break;
      float gradient[N];
      unpack(dys[k], gradient);
      if constexpr (Batch) {
        float in[N];
        unpack(xs[k], in);
#pragma unroll
        for (int i = 0; i < N; ++i) gradient[i] = fmaf(mean[i] - in[i], slope[i], gradient[i] - share[i]);
      }
#pragma unroll
      for (int i = 0; i < N; ++i) gradient[i] *= factor[i];
      dx.put(gradient, before[k], thread.valid, thread.pixel(first + k), thread.channel);
    }
  }
}

template <class X, class Y, int N>
void gradientOf(bool batch, const View& x, const View& dy, const NormSlopes& slopes, const View& dx,
                bool accumulate, cudaStream_t stream) {
  const PixelLaunch w = pixelLaunch<N, kNormSteps>(dx);
  const auto run = [&]<bool Batch>(std::bool_constant<Batch>) {
    launch<normGradientKernel<X, Y, N, Batch>>(w.blocks, w.threads, 0, stream, Pixels<X>(x), Pixels<Y>(dy),
                                               slopes, GradientPixels<X>(dx, accumulate), w.grid);
  };
  batch ? run(std::true_type()) : run(std::false_type());
}

}  // namespace

void normBackward(const NormCall& call, const View& x, const View& dy, const View& dx, bool accumulate,
                  float* scaleGradient, float* shiftGradient, cudaStream_t stream) {
  FACENET_ASSERT(x.count == dy.count && x.shape == dy.shape);
  FACENET_ASSERT(!dx.data || (dx.count == x.count && dx.shape == x.shape && dx.dtype == x.dtype));
  const int64_t pixels = x.count * x.shape.pixels();
  const auto channels = static_cast<int>(x.shape.channels);
  const bool sums = scaleGradient || shiftGradient || (call.batch && dx.data);
  if (pixels * channels == 0 || (!sums && !dx.data)) return;
  const SavedNorm saved(call.saved, channels);
  const auto inScratch = [&](int index) { return normArray(call.scratch, channels, index); };
  const NormSums finish{call.scale,
                        saved.inverse,
                        call.scale.one ? nullptr : scaleGradient,
                        call.shift.one ? nullptr : shiftGradient,
                        call.batch ? static_cast<float>(pixels) : 0.f,
                        inScratch(0),
                        inScratch(1),
                        inScratch(2),
                        inScratch(3),
                        inScratch(4)};
  float* parts = inScratch(kNormScratchArrays);
  if (!sums) {
    const auto blocks = static_cast<unsigned>(ceilDivide(channels, kPixelThreads));
    launch<normFactorKernel>(blocks, kPixelThreads, 0, stream, channels, finish);
  }
  withTrainedTypes(x.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    const bool packed = packs<X, kWide>(x) && packs<Y, kWide>(dy) && (!dx.data || packs<X, kWide>(dx));
    withWidth<kWide>(packed, [&]<int N>(Width<N>) {
      if (sums) {
        const SplitLaunch p = splitPixels(pixels, channels, N);
        launch<normSumsKernel<X, Y, N>>(p.grid, p.threads, 0, stream, Pixels<X>(x), Pixels<Y>(dy),
                                        static_cast<const float*>(saved.mean), p.splits, parts);
        mergeSplits<Sums<2>>(parts, p.splits, finish, stream);
      }
      if (dx.data)
        gradientOf<X, Y, N>(call.batch, x, dy, {saved.mean, finish.factor, finish.share, finish.slope}, dx,
                            accumulate, stream);
    });
  });
  if (scaleGradient && call.scale.one) addSum(finish.scaleTotals, channels, scaleGradient, stream);
  if (shiftGradient && call.shift.one) addSum(finish.shiftTotals, channels, shiftGradient, stream);
}

}  // namespace facenet::cuda
