#include "cuda/common/image_reduction.cuh"
#include "cuda/common/pixel_grid.cuh"
#include "cuda/l2_normalize.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

template <int N>
__device__ __forceinline__ float squares(const float (&numbers)[N], int valid) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < N; ++i) sum = i < valid ? fmaf(numbers[i], numbers[i], sum) : sum;
  return sum;
}

// One warp (WholeBlock: block) per image, in a grid-stride loop. Each thread writes what only it has read, so
// that y may be x.
// Registers: at most 64.
template <class In, class Out, int N, bool WholeBlock>
__global__ void __launch_bounds__(kImageThreads, 4)
    l2NormalizeKernel(const In* x, int64_t xImage, int64_t xStride, Out* y, int64_t yImage, int64_t yStride,
                      int64_t count, ImagePacks image, float epsilon) {
  constexpr int kGroup = WholeBlock ? kImageThreads : kWarpSize;
  constexpr int kImages = kImageThreads / kGroup;  // of a block
  const int rank = threadIdx.x % kGroup, group = threadIdx.x / kGroup;
  for (int64_t n = int64_t{blockIdx.x} * kImages + group; n < count; n += int64_t{gridDim.x} * kImages) {
    const In* from = x + n * xImage;
    Out* to = y + n * yImage;
    Pack<In, N> held[kHeldPacks];
#pragma unroll
    for (int h = 0; h < kHeldPacks; ++h) {
      const int64_t index = rank + h * kGroup;
      if (index < image.packs) held[h] = loadPack<N>(from + ImagePack<N>(image, index, xStride).offset);
    }
    float sum = 0, numbers[N];
#pragma unroll
    for (int h = 0; h < kHeldPacks; ++h) {
      const int64_t index = rank + h * kGroup;
      if (index >= image.packs) break;
      unpack(held[h], numbers);
      sum += squares(numbers, ImagePack<N>(image, index, xStride).valid);
    }
    for (int64_t index = rank + kHeldPacks * kGroup; index < image.packs; index += kGroup) {
      const ImagePack<N> at(image, index, xStride);
      unpack(loadPack<N>(from + at.offset), numbers);
      sum += squares(numbers, at.valid);
    }
    sum = imageSum<WholeBlock>(sum);
    const float norm = fmaxf(sqrtf(sum), epsilon);
    const auto put = [&](const Pack<In, N>& pack, int64_t index) {
      const ImagePack<N> at(image, index, yStride);
      unpack(pack, numbers);
#pragma unroll
      for (float& number : numbers) number /= norm;
      storeNumbers(numbers, at.valid, to + at.offset);
    };
#pragma unroll
    for (int h = 0; h < kHeldPacks; ++h)
      if (rank + h * kGroup < image.packs) put(held[h], rank + h * kGroup);
    for (int64_t index = rank + kHeldPacks * kGroup; index < image.packs; index += kGroup)
      put(loadPack<N>(from + ImagePack<N>(image, index, xStride).offset), index);
  }
}

template <class In, class Out, int N>
void launchOn(float epsilon, const View& x, const View& y, cudaStream_t stream) {
  const ImageLaunch<N> images(x);
  const auto run = [&]<bool WholeBlock>(std::bool_constant<WholeBlock>) {
    launch<l2NormalizeKernel<In, Out, N, WholeBlock>>(
        images.blocks, kImageThreads, 0, stream, x.as<const In>(), x.imageStride(), x.pixelStride,
        y.as<Out>(), y.imageStride(), y.pixelStride, x.count, images.image, epsilon);
  };
  images.wholeBlock ? run(std::true_type()) : run(std::false_type());
}

void normalize(float epsilon, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape && epsilon >= 0);
  const int64_t elements = x.shape.elements();
  if (x.count * elements == 0) return;
  if (x.dense() && y.dense() && x.shape.pixels() > 1) {
    const Shape row{1, 1, elements};
    return normalize(epsilon, {x.data, x.dtype, x.count, row, elements},
                     {y.data, y.dtype, y.count, row, elements}, stream);
  }
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    withWidth<kWide>(packs<In, kWide>(x) && packs<Out, kWide>(y),
                     [&]<int N>(Width<N>) { launchOn<In, Out, N>(epsilon, x, y, stream); });
  });
}

}  // namespace

void forward(const L2Normalize& op, const View& x, const View& y, cudaStream_t stream) {
  normalize(op.epsilon, x, y, stream);
}

std::string describe(const L2Normalize&) {
  return "rows in registers";
}

void l2NormalizeRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* y,
                     cudaStream_t stream) {
  FACENET_ASSERT(rows >= 0 && dimensions > 0);
  const Shape row{1, 1, dimensions};
  normalize(epsilon, {const_cast<float*>(x), DType::f32, rows, row, dimensions},
            {y, DType::f32, rows, row, dimensions}, stream);
}

}  // namespace facenet::cuda
