// The end of a convolution that computes in fp32: bias, residual, activation, and the store of neighbouring
// columns of a pixel in the type and the slice of their part.
#pragma once

#include <cuda_runtime.h>

#include "cuda/conv2d/conv2d.cuh"
#include "cuda/packed.cuh"

namespace facenet::cuda {

// What a kernel needs to know of a ConvCall's destinations; a parameter of the kernel.
struct ColumnStore {
  struct Part {
    void* data;
    int64_t pixelStride;
    int first, end;  // columns
    Activation::Kind activation;
  };
  Part parts[kMostParts];
  int count;
  DType dtype;  // of all parts
  bool packs;   // four numbers can be stored at once
  const void* residual;
  int64_t residualStride;
  DType residualType;
  bool residualPacks;
  const float *bias, *slope;
};

// Throws where the parts' types differ.
ColumnStore columnStore(const ConvCall& call);

// Keeps NaN.
__device__ __forceinline__ float activate(Activation::Kind kind, float value, float slope) {
  switch (kind) {
    case Activation::Kind::relu: return value < 0.f ? 0.f : value;
    case Activation::Kind::relu6: return value < 0.f ? 0.f : value > 6.f ? 6.f : value;
    case Activation::Kind::prelu: return value > 0.f ? value : value * slope;
    default: return value;
  }
}

// Four 16-bit numbers.
template <class Element>
struct alignas(8) FourHalves {
  uint2 pairs;
};
template <class Element>
__device__ __forceinline__ void unpack(FourHalves<Element> value, float (&numbers)[4]) {
  numbers[0] = ptx::lowerOf(Element{}, value.pairs.x), numbers[1] = ptx::upperOf(Element{}, value.pairs.x);
  numbers[2] = ptx::lowerOf(Element{}, value.pairs.y), numbers[3] = ptx::upperOf(Element{}, value.pairs.y);
}
template <class Element>
__device__ __forceinline__ void pack(const float (&numbers)[4], FourHalves<Element>& value) {
  value.pairs =
      uint2{ptx::pairOf(Element{}, numbers[0], numbers[1]), ptx::pairOf(Element{}, numbers[2], numbers[3])};
}

// Numbers of memory whose type is known when the kernel runs: one, or four at once.
template <class One, class Four>
__device__ __forceinline__ void loadAs(const void* data, int64_t index, bool packs, int count,
                                       float (&numbers)[4]) {
  const One* from = static_cast<const One*>(data) + index;
  if (packs) return unpack(*reinterpret_cast<const Four*>(from), numbers);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    float number[1] = {};
    if (i < count) unpack(from[i], number);
    numbers[i] = number[0];
  }
}
template <class One, class Four>
__device__ __forceinline__ void storeAs(void* data, int64_t index, bool packs, int count,
                                        const float (&numbers)[4]) {
  One* to = static_cast<One*>(data) + index;
  if (packs) return pack(numbers, *reinterpret_cast<Four*>(to));
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float number[1] = {numbers[i]};
    if (i < count) pack(number, to[i]);
  }
}
__device__ __forceinline__ void loadFour(const void* data, DType dtype, int64_t index, bool packs, int count,
                                         float (&numbers)[4]) {
  if (dtype == DType::f32)
    loadAs<float, float4>(data, index, packs, count, numbers);
  else if (dtype == DType::bf16)
    loadAs<bf16, FourHalves<ptx::Bf16>>(data, index, packs, count, numbers);
  else
    loadAs<f16, FourHalves<ptx::F16>>(data, index, packs, count, numbers);
}
__device__ __forceinline__ void storeFour(void* data, DType dtype, int64_t index, bool packs, int count,
                                          const float (&numbers)[4]) {
  if (dtype == DType::f32)
    storeAs<float, float4>(data, index, packs, count, numbers);
  else if (dtype == DType::bf16)
    storeAs<bf16, FourHalves<ptx::Bf16>>(data, index, packs, count, numbers);
  else
    storeAs<f16, FourHalves<ptx::F16>>(data, index, packs, count, numbers);
}

// Columns [column, column + 4), of one part, with what is the same for all pixels at hand. `column` is a
// multiple of four.
class FourColumns {
 public:
  __device__ __forceinline__ FourColumns(const ColumnStore& store, int column) : store_(store), valid_(0) {
    for (int p = 0; p < store.count; ++p) {
      const ColumnStore::Part& part = store.parts[p];
      if (column < part.first || column >= part.end) continue;
      data_ = part.data;
      pixelStride_ = part.pixelStride;
      channel_ = column - part.first;
      valid_ = min(part.end - column, 4);
      activation_ = part.activation;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      bias_[i] = i < valid_ ? store.bias[column + i] : 0.f;
      slope_[i] = i < valid_ && activation_ == Activation::Kind::prelu ? store.slope[column + i] : 0.f;
    }
  }

  __device__ __forceinline__ void store(int64_t pixel, const float (&sums)[4]) const {
    if (valid_ == 0) return;
    float residual[4] = {}, results[4];
    if (store_.residual)
      loadFour(store_.residual, store_.residualType, pixel * store_.residualStride + channel_,
               store_.residualPacks && valid_ == 4, valid_, residual);
#pragma unroll
    for (int i = 0; i < 4; ++i)
      results[i] = activate(activation_, sums[i] + bias_[i] + residual[i], slope_[i]);
    storeFour(data_, store_.dtype, pixel * pixelStride_ + channel_, store_.packs && valid_ == 4, valid_,
              results);
  }

 private:
  const ColumnStore& store_;
  void* data_ = nullptr;
  int64_t pixelStride_ = 0;
  int channel_ = 0, valid_;
  Activation::Kind activation_ = Activation::Kind::none;
  float bias_[4], slope_[4];
};

}  // namespace facenet::cuda
