#include <limits>

#include "cuda/common/channel_sums.cuh"
#include "cuda/common/gradient.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

// A block has an image and up to kPixelThreads groups of N channels; its rows of threads share the pixels, which it reads
// once for each of its steps: from the caches, except for the largest images.
struct ImageChannels {
  int pixels, channels, groups;
};

template <int N>
struct ImageThread {
  int group, row, rows, channel;
  bool works;
  int64_t first;  // pixel of the image

  __device__ __forceinline__ explicit ImageThread(const ImageChannels& image)
      : group(static_cast<int>(threadIdx.x) % image.groups),
        row(static_cast<int>(threadIdx.x) / image.groups),
        rows(kPixelThreads / image.groups),
        channel((static_cast<int>(blockIdx.y) * image.groups + group) * N),
        works(row < rows && channel < image.channels),
        first(int64_t{blockIdx.x} * image.pixels) {}
};

// What the rows of a block have found of their pixels, merged; the same in all of them. All threads call it.
template <class Part, int N>
__device__ __forceinline__ void mergeImage(const ImageThread<N>& thread, const ImageChannels& image,
                                           Part (&parts)[N]) {
  __syncthreads();  // nobody reads what was merged before
  mergeRows<kPixelThreads>(thread.row, thread.rows, image.groups, parts);
  __syncthreads();
  auto& words = shared<SharedParts<Part, N, kPixelThreads>>().words;
#pragma unroll
  for (int i = 0; i < N; ++i)
#pragma unroll
    for (int word = 0; word < Part::kWords; ++word) parts[i].words[word] = words[i][word][thread.group];
}

// The mean of each channel less that of its first pixel, and 1 / sqrt(variance + epsilon). Differences from a pixel are small
// where all values are far from zero, so that fp32 holds their mean as exactly as they vary.
template <int N>
struct Statistics {
  float first[N] = {}, mean[N], inverse[N];

  template <class X>
  __device__ __forceinline__ void measure(const Pixels<X>& x, const ImageThread<N>& thread,
                                          const ImageChannels& image, float epsilon) {
    Moments moments[N];
    float count = 0;
    if (thread.works) {
      unpack(x.template load<N>(thread.first, thread.channel), first);
      for (int p = thread.row; p < image.pixels; p += thread.rows) {
        float numbers[N];
        unpack(x.template load<N>(thread.first + p, thread.channel), numbers);
        count += 1.f;
        const float share = 1.f / count;
#pragma unroll
        for (int i = 0; i < N; ++i) {
          float* const m = moments[i].words;
          const float value = numbers[i] - first[i], difference = value - m[0];
          m[0] = fmaf(difference, share, m[0]);
          m[1] = fmaf(difference, value - m[0], m[1]);
          m[2] = count;
        }
      }
    }
    mergeImage(thread, image, moments);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      mean[i] = moments[i].mean();
      inverse[i] = 1.f / sqrtf(moments[i].variance() + epsilon);
    }
  }

  // Centred and scaled, in place.
  __device__ __forceinline__ void normalize(float (&numbers)[N]) const {
#pragma unroll
    for (int i = 0; i < N; ++i) numbers[i] = (numbers[i] - first[i] - mean[i]) * inverse[i];
  }
};

// Registers: at most 80.
template <class In, class Out, int N>
__global__ void __launch_bounds__(kPixelThreads, 3)
    instanceNormKernel(Pixels<In> x, Out* y, int64_t yStride, ImageChannels image, float epsilon) {
  const ImageThread<N> thread(image);
  Statistics<N> statistics;
  statistics.measure(x, thread, image, epsilon);
  if (!thread.works) return;
#pragma unroll 2
  for (int p = thread.row; p < image.pixels; p += thread.rows) {
    float numbers[N];
    unpack(x.template load<N>(thread.first + p, thread.channel), numbers);
    statistics.normalize(numbers);
    storeNumbers(numbers, min(image.channels - thread.channel, N),
                 y + (thread.first + p) * yStride + thread.channel);
  }
}

// Registers: at most 128.
template <class X, class Y, int N>
__global__ void __launch_bounds__(kPixelThreads, 2)
    instanceNormGradientKernel(Pixels<X> x, Pixels<Y> dy, GradientPixels<X> dx, ImageChannels image,
                               float epsilon) {
  const ImageThread<N> thread(image);
  Statistics<N> statistics;
  statistics.measure(x, thread, image, epsilon);
  const auto read = [&](int64_t pixel, float(&normalized)[N], float(&gradient)[N]) {
    unpack(x.template load<N>(pixel, thread.channel), normalized);
    unpack(dy.template load<N>(pixel, thread.channel), gradient);
    statistics.normalize(normalized);
  };
  Sums<2> sums[N];  // of dy, and of dy y
  if (thread.works)
    for (int p = thread.row; p < image.pixels; p += thread.rows) {
      float normalized[N], gradient[N];
      read(thread.first + p, normalized, gradient);
#pragma unroll
      for (int i = 0; i < N; ++i) {
        sums[i].words[0] += gradient[i];
        sums[i].words[1] = fmaf(gradient[i], normalized[i], sums[i].words[1]);
      }
    }
  mergeImage(thread, image, sums);
  if (!thread.works) return;
  const auto pixels = static_cast<float>(image.pixels);
  for (int p = thread.row; p < image.pixels; p += thread.rows) {
    const int64_t pixel = thread.first + p;
    const Pack<X, N> before = dx.template before<N>(pixel, thread.channel);
    float normalized[N], gradient[N];
    read(pixel, normalized, gradient);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const float rest = gradient[i] - sums[i].words[0] / pixels;
      gradient[i] = fmaf(-normalized[i], sums[i].words[1] / pixels, rest) * statistics.inverse[i];
    }
    dx.put(gradient, before, min(image.channels - thread.channel, N), pixel, thread.channel);
  }
}

struct ImageGrid {
  ImageChannels image;
  dim3 blocks;
};

template <int N>
ImageGrid gridOf(const View& x) {
  const int64_t all = ceilDivide(x.shape.channels, N), groups = std::min<int64_t>(all, kPixelThreads);
  const int64_t slabs = ceilDivide(all, groups);
  FACENET_ASSERT(x.shape.pixels() <= std::numeric_limits<int>::max() - kPixelThreads);
  FACENET_ASSERT(slabs <= 65535 && x.count < (int64_t{1} << 31));
  return {{static_cast<int>(x.shape.pixels()), static_cast<int>(x.shape.channels), static_cast<int>(groups)},
          dim3(static_cast<unsigned>(x.count), static_cast<unsigned>(slabs))};
}

}  // namespace

void forward(const InstanceNorm& op, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape);
  if (x.count * x.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    withWidth<kWide>(packs<In, kWide>(x) && packs<Out, kWide>(y), [&]<int N>(Width<N>) {
      const ImageGrid grid = gridOf<N>(x);
      launch<instanceNormKernel<In, Out, N>>(grid.blocks, kPixelThreads, 0, stream, Pixels<In>(x),
                                             y.as<Out>(), y.pixelStride, grid.image, op.epsilon);
    });
  });
}

void backward(const InstanceNorm& op, const View& x, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  FACENET_ASSERT(x.count == dy.count && x.shape == dy.shape && dx.count == x.count && dx.shape == x.shape);
  if (x.count * x.shape.elements() == 0) return;
  withTrainedTypes(x.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    const bool packed = packs<X, kWide>(x) && packs<Y, kWide>(dy) && packs<X, kWide>(dx);
    withWidth<kWide>(packed, [&]<int N>(Width<N>) {
      const ImageGrid grid = gridOf<N>(x);
      launch<instanceNormGradientKernel<X, Y, N>>(grid.blocks, kPixelThreads, 0, stream, Pixels<X>(x),
                                                  Pixels<Y>(dy), GradientPixels<X>(dx, accumulate),
                                                  grid.image, op.epsilon);
    });
  });
}

std::string describe(const InstanceNorm&) {
  return "statistics of each image in one block";
}

}  // namespace facenet::cuda
