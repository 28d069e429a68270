#include "cuda/common/gradient.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

// Neighbouring lanes of a warp, as many as a power of two says, have a pixel. They read its channels once for each of their
// steps: from the caches, except for the first.
struct PixelRows {
  int64_t pixels;
  int channels, lanes;
};

template <int N>
struct PixelLane {
  int lane, lanes, channels;
  int64_t pixel;
  bool works;

  __device__ __forceinline__ explicit PixelLane(const PixelRows& rows)
      : lane(static_cast<int>(threadIdx.x) % rows.lanes),
        lanes(rows.lanes),
        channels(rows.channels),
        pixel(int64_t{blockIdx.x} * (kPixelThreads / rows.lanes) +
              static_cast<int>(threadIdx.x) / rows.lanes),
        works(pixel < rows.pixels) {}

  // use(channel, valid) for each pack of N channels of this lane, of which `valid` count.
  template <class Use>
  __device__ __forceinline__ void eachPack(Use use) const {
    if (!works) return;
    for (int channel = lane * N; channel < channels; channel += lanes * N)
      use(channel, min(channels - channel, N));
  }
  // The mean over the pixel's channels of what its lanes have added up. All lanes of a warp call it.
  __device__ __forceinline__ float mean(float sum) const {
    for (int bits = lanes / 2; bits > 0; bits /= 2) sum += shuffleXor(sum, bits);
    return sum / static_cast<float>(channels);
  }
};

// The mean of a pixel less its first channel, and 1 / sqrt(variance + epsilon). Differences from a channel are small where
// all values are far from zero, so that fp32 holds their mean as exactly as they vary.
struct Statistics {
  float first = 0, mean, inverse;

  template <class X, int N>
  __device__ __forceinline__ Statistics(const Pixels<X>& x, const PixelLane<N>& thread, float epsilon) {
    if (thread.works) {
      float number[1];
      unpack(x.template load<1>(thread.pixel, 0), number);
      first = number[0];
    }
    float sum = 0, squares = 0;
    thread.eachPack([&](int channel, int valid) {
      float numbers[N];
      unpack(x.template load<N>(thread.pixel, channel), numbers);
#pragma unroll
      for (int i = 0; i < N; ++i) sum += i < valid ? numbers[i] - first : 0.f;
    });
    mean = thread.mean(sum);
    thread.eachPack([&](int channel, int valid) {
      float numbers[N];
      unpack(x.template load<N>(thread.pixel, channel), numbers);
#pragma unroll
      for (int i = 0; i < N; ++i) {
        const float difference = i < valid ? numbers[i] - first - mean : 0.f;
        squares = fmaf(difference, difference, squares);
      }
    });
    inverse = 1.f / sqrtf(thread.mean(squares) + epsilon);
  }

  __device__ __forceinline__ float normalized(float number) const {
    return (number - first - mean) * inverse;
  }
};

// Registers: at most 64.
template <class In, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    layerNormKernel(Pixels<In> x, Out* y, int64_t yStride, PixelRows rows, float epsilon) {
  const PixelLane<N> thread(rows);
  const Statistics statistics(x, thread, epsilon);
  thread.eachPack([&](int channel, int valid) {
    float numbers[N];
    unpack(x.template load<N>(thread.pixel, channel), numbers);
#pragma unroll
    for (float& number : numbers) number = statistics.normalized(number);
    storeNumbers(numbers, valid, y + thread.pixel * yStride + channel);
  });
}

// Registers: at most 64.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, kPixelBlocksPerSm)
    layerNormGradientKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, PixelRows rows, float epsilon) {
  const PixelLane<N> thread(rows);
  const Statistics statistics(x, thread, epsilon);
  const auto read = [&](int channel, float(&normalized)[N], float(&gradient)[N]) {
    unpack(x.template load<N>(thread.pixel, channel), normalized);
    unpack(dy.template load<N>(thread.pixel, channel), gradient);
#pragma unroll
    for (float& number : normalized) number = statistics.normalized(number);
  };
  float sum = 0, product = 0;  // of dy, and of dy y
  thread.eachPack([&](int channel, int valid) {
    float normalized[N], gradient[N];
    read(channel, normalized, gradient);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      sum += i < valid ? gradient[i] : 0.f;
      product = i < valid ? fmaf(gradient[i], normalized[i], product) : product;
    }
  });
  sum = thread.mean(sum);
  product = thread.mean(product);
  thread.eachPack([&](int channel, int valid) {
    const Pack<X, N> before = dx.template before<N>(thread.pixel, channel);
    float normalized[N], gradient[N];
    read(channel, normalized, gradient);
#pragma unroll
    for (int i = 0; i < N; ++i)
      gradient[i] = fmaf(-normalized[i], product, gradient[i] - sum) * statistics.inverse;
    dx.put(gradient, before, valid, thread.pixel, channel);
  });
}

struct RowLaunch {
  PixelRows rows;
  unsigned blocks;
};

template <int N>
RowLaunch launchOf(const View& x) {
  const int64_t packs = ceilDivide(x.shape.channels, N), pixels = x.count * x.shape.pixels();
  int lanes = 1;
  while (lanes < kWarpSize && lanes < packs) lanes *= 2;
  const int64_t blocks = ceilDivide(pixels, kPixelThreads / lanes);
  FACENET_ASSERT(x.shape.channels <= (1 << 24) && blocks < (int64_t{1} << 31));
  return {{pixels, static_cast<int>(x.shape.channels), lanes}, static_cast<unsigned>(blocks)};
}

}  // namespace

void forward(const LayerNorm& op, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape);
  if (x.count * x.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    withWidth<kWide>(packs<In, kWide>(x) && packs<Out, kWide>(y), [&]<int N>(Width<N>) {
      const RowLaunch grid = launchOf<N>(x);
      launch<layerNormKernel<In, Out, N>>(grid.blocks, kPixelThreads, 0, stream, Pixels<In>(x), y.as<Out>(),
                                          y.pixelStride, grid.rows, op.epsilon);
    });
  });
}

void backward(const LayerNorm& op, const View& x, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  FACENET_ASSERT(x.count == dy.count && x.shape == dy.shape && dx.count == x.count && dx.shape == x.shape);
  if (x.count * x.shape.elements() == 0) return;
  withTrainedTypes(x.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    const bool packed = packs<X, kWide>(x) && packs<Y, kWide>(dy) && packs<X, kWide>(dx);
    withWidth<kWide>(packed, [&]<int N>(Width<N>) {
      const RowLaunch grid = launchOf<N>(x);
      launch<layerNormGradientKernel<X, Y, N>>(grid.blocks, kPixelThreads, 0, stream, Pixels<X>(x),
                                               Pixels<Y>(dy), GradientPixels<X>(dx, accumulate), grid.rows,
                                               op.epsilon);
    });
  });
}

std::string describe(const LayerNorm&) {
  return "a part of a warp for each pixel";
}

}  // namespace facenet::cuda
