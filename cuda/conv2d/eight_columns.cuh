// The end of a product on tensor cores: bias, residual, maxout and activation in fp32, then the store of a
// pixel's neighbouring channels in the type and the slice of their part.
#pragma once

#include <cuda_runtime.h>

#include "cuda/channels.cuh"
#include "cuda/conv2d/conv2d.cuh"

namespace facenet::cuda {

// Memory of pixels whose type is known when the kernel runs.
struct PixelMemory {
  char* data;
  int64_t pixelStride;  // elements
  DType dtype;
  bool
      packs;  // eight neighbouring channels, the first a multiple of eight, can be accessed 16 bytes at a time
};

// What a kernel needs to know of a ConvCall's destinations; a parameter of the kernel.
struct ConvEnd {
  struct Part {
    PixelMemory y;
    int first, end;  // columns; with maxout, channels
    Activation::Kind activation;
  };
  Part parts[kMostParts];
  PixelMemory residual;       // data null: none
  const float *bias, *slope;  // bias null: already added
  int count;
  int groupChannels;  // from one group's channels of y and the residual to the next one's
  bool groupsPack;    // also where a group begins
};

// Throws where the call does not keep what conv2d.cuh says.
ConvEnd convEnd(const ConvCall& call);

__device__ __forceinline__ float activateAs(Activation::Kind kind, float value, float slope) {
  switch (kind) {
    case Activation::Kind::relu: return value < 0.f ? 0.f : value;
    case Activation::Kind::relu6: return value < 0.f ? 0.f : value > 6.f ? 6.f : value;
    case Activation::Kind::prelu: return value > 0.f ? value : value * slope;
    default: return value;
  }
}

// A run of `Count` numbers, 4 or 8, at an element of memory; only the first `valid` are touched. `packs`: all
// are valid and lie on a multiple of their size, or of 16 bytes.
template <class T, int Count>
__device__ __forceinline__ void readRun(const char* data, int64_t element, bool packs, int valid,
                                        float (&numbers)[Count]) {
  const T* from = reinterpret_cast<const T*>(data) + element;
  constexpr int kAtOnce = sizeof(T) == 4 ? 4 : Count;
  if (packs) {
#pragma unroll
    for (int i = 0; i < Count; i += kAtOnce) {
      float some[kAtOnce];
      unpack(*reinterpret_cast<const Pack<T, kAtOnce>*>(from + i), some);
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) numbers[i + k] = some[k];
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < Count; ++i) {
    float number[1] = {0.f};
    if (i < valid) unpack(from[i], number);
    numbers[i] = number[0];
  }
}
template <class T, int Count>
__device__ __forceinline__ void writeRun(char* data, int64_t element, bool packs, int valid,
                                         const float (&numbers)[Count]) {
  T* to = reinterpret_cast<T*>(data) + element;
  constexpr int kAtOnce = sizeof(T) == 4 ? 4 : Count;
  if (packs) {
#pragma unroll
    for (int i = 0; i < Count; i += kAtOnce) {
      float some[kAtOnce];
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) some[k] = numbers[i + k];
      Pack<T, kAtOnce> packed;
      pack(some, packed);
      *reinterpret_cast<Pack<T, kAtOnce>*>(to + i) = packed;
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < Count; ++i) {
    const float number[1] = {numbers[i]};
    if (i < valid) pack(number, to[i]);
  }
}

// Eight columns of a group, the first a multiple of eight, with what is the same for all pixels at hand.
class EightColumns {
 public:
  __device__ __forceinline__ EightColumns(const ConvEnd& end, int group, int columns, int column)
      : end_(end), channel_(group * end.groupChannels), valid_(0) {
    for (int p = 0; p < end.count; ++p) {
      const ConvEnd::Part& part = end.parts[p];
      if (column < part.first || column >= part.end) continue;
      y_ = part.y;
      channel_ += column - part.first;
      valid_ = min(part.end - column, 8);
      activation_ = part.activation;
    }
    y_.packs = y_.packs && end.groupsPack && valid_ == 8;
    residualPacks_ = end.residual.packs && end.groupsPack && valid_ == 8;
    if (valid_ == 0) return;
    if (end.bias) read(end.bias + group * columns + column, bias_);
    if (activation_ == Activation::Kind::prelu) read(end.slope + group * columns + column, slope_);
  }

  __device__ __forceinline__ void finish(int64_t pixel, float (&sums)[8]) const {
    if (valid_ == 0) return;
#pragma unroll
    for (int i = 0; i < 8; ++i) sums[i] += bias_[i];
    if (end_.residual.data) addResidual(pixel, sums);
#pragma unroll
    for (int i = 0; i < 8; ++i) sums[i] = activateAs(activation_, sums[i], slope_[i]);
    writeAny(y_, pixel * y_.pixelStride + channel_, valid_, sums);
  }

  template <int Count>
  static __device__ __forceinline__ void writeAny(const PixelMemory& y, int64_t element, int valid,
                                                  const float (&numbers)[Count]) {
    if (y.dtype == DType::f32)
      writeRun<float>(y.data, element, y.packs, valid, numbers);
    else if (y.dtype == DType::bf16)
      writeRun<bf16>(y.data, element, y.packs, valid, numbers);
    else
      writeRun<f16>(y.data, element, y.packs, valid, numbers);
  }

 private:
  static __device__ __forceinline__ void read(const float* from, float (&numbers)[8]) {
    readRun<float>(reinterpret_cast<const char*>(from), 0, true, 8, numbers);
  }
  __device__ __forceinline__ void addResidual(int64_t pixel, float (&sums)[8]) const {
    const PixelMemory& r = end_.residual;
    const int64_t element = pixel * r.pixelStride + channel_;
    float numbers[8];
    if (r.dtype == DType::f32)
      readRun<float>(r.data, element, residualPacks_, valid_, numbers);
    else if (r.dtype == DType::bf16)
      readRun<bf16>(r.data, element, residualPacks_, valid_, numbers);
    else
      readRun<f16>(r.data, element, residualPacks_, valid_, numbers);
#pragma unroll
    for (int i = 0; i < 8; ++i) sums[i] += numbers[i];
  }

  const ConvEnd& end_;
  PixelMemory y_{};
  int channel_, valid_;
  bool residualPacks_;
  Activation::Kind activation_ = Activation::Kind::none;
  float bias_[8] = {}, slope_[8] = {};
};

// Four channels of a layer with maxout 2: the largest of each pair among eight columns.
class FourOfEightColumns {
 public:
  __device__ __forceinline__ FourOfEightColumns(const ConvEnd& end, int, int, int column)
      : y_(end.parts[0].y), channel_(column / 2), activation_(end.parts[0].activation) {
    valid_ = max(min(end.parts[0].end - channel_, 4), 0);
    y_.packs = y_.packs && valid_ == 4;
#pragma unroll
    for (int i = 0; i < 8; ++i) bias_[i] = i < 2 * valid_ ? end.bias[column + i] : 0.f;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      slope_[i] = activation_ == Activation::Kind::prelu && i < valid_ ? end.slope[channel_ + i] : 0.f;
  }

  __device__ __forceinline__ void finish(int64_t pixel, const float (&sums)[8]) const {
    if (valid_ == 0) return;
    float largest[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float value = fmaxf(sums[2 * i] + bias_[2 * i], sums[2 * i + 1] + bias_[2 * i + 1]);
      largest[i] = activateAs(activation_, value, slope_[i]);
    }
    EightColumns::writeAny(y_, pixel * y_.pixelStride + channel_, valid_, largest);
  }

 private:
  PixelMemory y_;
  int channel_, valid_;
  Activation::Kind activation_;
  float bias_[8], slope_[4];
};

}  // namespace facenet::cuda
