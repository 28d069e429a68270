#include "cuda/common/gradient.cuh"
#include "cuda/common/image_reduction.cuh"
#include "cuda/simple_ops.cuh"

namespace facenet::cuda {
namespace {

struct Strides {
  int64_t xImage, x, dyImage, dy, dxImage, dx;
};

// One warp (WholeBlock: block) per image, in a grid-stride loop.
// Registers: at most 80.
template <class X, class Y, int N, bool WholeBlock>
__global__ void __launch_bounds__(kImageThreads, 3)
    l2NormalizeGradientKernel(const X* x, const Y* dy, X* dx, Strides strides, int64_t count,
                              ImagePacks image, float epsilon, bool accumulate) {
  constexpr int kGroup = WholeBlock ? kImageThreads : kWarpSize;
  constexpr int kImages = kImageThreads / kGroup;  // of a block
  const int rank = threadIdx.x % kGroup, group = threadIdx.x / kGroup;
  for (int64_t n = int64_t{blockIdx.x} * kImages + group; n < count; n += int64_t{gridDim.x} * kImages) {
    const auto loadX = [&](int64_t index) {
      return loadPack<N>(x + n * strides.xImage + ImagePack<N>(image, index, strides.x).offset);
    };
    const auto loadDy = [&](int64_t index) {
      return loadPack<N>(dy + n * strides.dyImage + ImagePack<N>(image, index, strides.dy).offset);
    };
    Pack<X, N> heldX[kHeldPacks];
    Pack<Y, N> heldDy[kHeldPacks];
#pragma unroll
    for (int h = 0; h < kHeldPacks; ++h) {
      const int64_t index = rank + h * kGroup;
      if (index < image.packs) heldX[h] = loadX(index), heldDy[h] = loadDy(index);
    }
    float squares = 0, dot = 0, in[N], gradient[N];
    const auto add = [&](const Pack<X, N>& xs, const Pack<Y, N>& dys, int64_t index) {
      const int valid = ImagePack<N>(image, index, 0).valid;
      unpack(xs, in);
      unpack(dys, gradient);
#pragma unroll
      for (int i = 0; i < N; ++i) {
        squares = i < valid ? fmaf(in[i], in[i], squares) : squares;
        dot = i < valid ? fmaf(in[i], gradient[i], dot) : dot;
      }
    };
#pragma unroll
    for (int h = 0; h < kHeldPacks; ++h)
      if (rank + h * kGroup < image.packs) add(heldX[h], heldDy[h], rank + h * kGroup);
    for (int64_t index = rank + kHeldPacks * kGroup; index < image.packs; index += kGroup)
      add(loadX(index), loadDy(index), index);
    squares = imageSum<WholeBlock>(squares);
    dot = imageSum<WholeBlock>(dot);

    const float length = sqrtf(squares);
    const bool inside = !(length > epsilon);  // the image is divided by a constant
    const float along = inside ? 0.f : dot / squares, divisor = inside ? epsilon : length;
    const auto put = [&](const Pack<X, N>& xs, const Pack<Y, N>& dys, int64_t index) {
      const ImagePack<N> at(image, index, strides.dx);
      X* to = dx + n * strides.dxImage + at.offset;
      unpack(xs, in);
      unpack(dys, gradient);
#pragma unroll
      for (int i = 0; i < N; ++i) gradient[i] = fmaf(-along, in[i], gradient[i]) / divisor;
      if (accumulate) {
        unpack(loadPack<N>(to), in);
#pragma unroll
        for (int i = 0; i < N; ++i) gradient[i] += in[i];
      }
      storeNumbers(gradient, at.valid, to);
    };
#pragma unroll
    for (int h = 0; h < kHeldPacks; ++h)
      if (rank + h * kGroup < image.packs) put(heldX[h], heldDy[h], rank + h * kGroup);
    for (int64_t index = rank + kHeldPacks * kGroup; index < image.packs; index += kGroup)
      put(loadX(index), loadDy(index), index);
  }
}

// The images as dense rows where they are dense.
View asRows(const View& view, bool dense) {
  const int64_t elements = view.shape.elements();
  return dense ? View{view.data, view.dtype, view.count, {1, 1, elements}, elements} : view;
}

}  // namespace

void backward(const L2Normalize& op, const View& x, const View& dy, const View& dx, bool accumulate,
              cudaStream_t stream) {
  const float epsilon = op.epsilon;
  FACENET_ASSERT(x.count == dy.count && x.shape == dy.shape && x.count == dx.count && x.shape == dx.shape);
  FACENET_ASSERT(x.dtype == dx.dtype && epsilon >= 0);
  if (x.count * x.shape.elements() == 0) return;
  const bool dense = x.dense() && dy.dense() && dx.dense();
  const View xs = asRows(x, dense), dys = asRows(dy, dense), dxs = asRows(dx, dense);
  const Strides strides{xs.imageStride(), xs.pixelStride,    dys.imageStride(),
                        dys.pixelStride,  dxs.imageStride(), dxs.pixelStride};
  withTrainedTypes(x.dtype, dy.dtype, [&]<class X, class Y>(TypeOf<X>, TypeOf<Y>) {
    constexpr int kWide = kPackedChannels<X, Y>;
    const bool packed = packs<X, kWide>(xs) && packs<Y, kWide>(dys) && packs<X, kWide>(dxs);
    withWidth<kWide>(packed, [&]<int N>(Width<N>) {
      const ImageLaunch<N> images(xs);
      const auto run = [&]<bool WholeBlock>(std::bool_constant<WholeBlock>) {
        launch<l2NormalizeGradientKernel<X, Y, N, WholeBlock>>(
            images.blocks, kImageThreads, 0, stream, xs.as<const X>(), dys.as<const Y>(), dxs.as<X>(),
            strides, xs.count, images.image, epsilon, accumulate);
      };
      images.wholeBlock ? run(std::true_type()) : run(std::false_type());
    });
  });
}

}  // namespace facenet::cuda
