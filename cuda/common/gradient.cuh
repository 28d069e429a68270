// What kernels of the backward (ops/op.h) share: the types of training, and gradients that are written
// or added to.
#pragma once

#include "cuda/common/pixel_grid.cuh"

namespace facenet::cuda {

// body(TypeOf<T>()) for the types that activations and their gradients have in training.
template <class Body>
void withTrainedType(DType dtype, Body body) {
  FACENET_ASSERT(dtype == DType::f32 || dtype == DType::bf16);
  dtype == DType::f32 ? body(TypeOf<float>()) : body(TypeOf<bf16>());
}

// body(TypeOf<X>(), TypeOf<Y>())
template <class Body>
void withTrainedTypes(DType x, DType y, Body body) {
  withTrainedType(x, [&]<class X>(TypeOf<X>) {
    withTrainedType(y, [&]<class Y>(TypeOf<Y>) { body(TypeOf<X>(), TypeOf<Y>()); });
  });
}

// Pixels of a thread in kernels that read two or three arrays.
constexpr int kGradientSteps = 2;

// Pixels of an array that a kernel reads.
template <class T>
struct Pixels {
  const T* data;
  int64_t stride;
  explicit Pixels(const View& view) : data(view.as<const T>()), stride(view.pixelStride) {}

  template <int N>
  __device__ __forceinline__ Pack<T, N> load(int64_t pixel, int channel) const {
    return loadPack<N>(data + pixel * stride + channel);
  }
};

// A gradient that a kernel makes: it is overwritten, or added to where another consumer of the tensor wrote
// it.
template <class T>
struct GradientPixels {
  T* data;
  int64_t stride;
  bool accumulate;
  GradientPixels(const View& view, bool accumulate)
      : data(view.as<T>()), stride(view.pixelStride), accumulate(accumulate) {}

  // What is added to, loaded early.
  template <int N>
  __device__ __forceinline__ Pack<T, N> before(int64_t pixel, int channel) const {
    return accumulate ? loadPack<N>(data + pixel * stride + channel) : Pack<T, N>{};
  }
  template <int N>
  __device__ __forceinline__ void put(float (&gradient)[N], const Pack<T, N>& before, int valid,
                                      int64_t pixel, int channel) const {
    if (accumulate) {
      float numbers[N];
      unpack(before, numbers);
#pragma unroll
      for (int i = 0; i < N; ++i) gradient[i] += numbers[i];
    }
    storeNumbers(gradient, valid, data + pixel * stride + channel);
  }
};

}  // namespace facenet::cuda
