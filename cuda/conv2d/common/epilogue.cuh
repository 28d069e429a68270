// The epilogue of a product: bias, residual, maxout and activation in fp32, then the store of a pixel's neighbouring
// channels in the type and the slice of their part.
#pragma once

#include <cuda_runtime.h>

#include "cuda/common/activate.cuh"
#include "cuda/common/pixel_grid.cuh"
#include "cuda/conv2d/common/conv2d.cuh"

namespace facenet::cuda {

// Memory of pixels whose type is known when the kernel runs.
struct PixelMemory {
  char* data;
  int64_t pixelStride;  // elements
  DType dtype;
  bool packs;  // whether eight channels, the first a multiple of eight, can be accessed 16 bytes at a time
};

// What a kernel needs to know of a ConvCall's destinations; a parameter of the kernel.
struct ConvEpilogue {
  struct Part {
    PixelMemory y;
    int first, end;  // columns; with maxout, channels
    Activation::Kind activation;
  };
  Part parts[kMaxParts];
  PixelMemory residual;       // data null: none
  const float *bias, *slope;  // bias null: already added
  int count;
  int groupChannels;  // from one group's channels of y and the residual to the next one's
};

// Throws where the call does not keep what conv2d.cuh says.
ConvEpilogue epilogueOf(const ConvCall& call);

// Element i, which is not known when the kernel is compiled: registers have no addresses.
template <int Count>
__device__ __forceinline__ float numberAt(const float (&numbers)[Count], int i) {
  float number = numbers[0];
#pragma unroll
  for (int k = 1; k < Count; ++k) number = i == k ? numbers[k] : number;
  return number;
}

template <class T>
__device__ __forceinline__ float readOne(const char* data, int64_t element) {
  float number[1];
  unpack(reinterpret_cast<const T*>(data)[element], number);
  return number[0];
}
template <class T>
__device__ __forceinline__ void writeOne(char* data, int64_t element, float value) {
  const float number[1] = {value};
  pack(number, reinterpret_cast<T*>(data)[element]);
}

// `Count` numbers, 4 or 8, at an element of memory that lies on a multiple of their size, or of 16 bytes.
template <class T, int Count>
__device__ __forceinline__ void readRun(const char* data, int64_t element, float (&numbers)[Count]) {
  constexpr int kAtOnce = sizeof(T) == 4 ? 4 : Count;
#pragma unroll
  for (int i = 0; i < Count; i += kAtOnce) {
    float some[kAtOnce];
    unpack(loadPack<kAtOnce>(reinterpret_cast<const T*>(data) + element + i), some);
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) numbers[i + k] = some[k];
  }
}
template <class T, int Count>
__device__ __forceinline__ void writeRun(char* data, int64_t element, const float (&numbers)[Count]) {
  constexpr int kAtOnce = sizeof(T) == 4 ? 4 : Count;
#pragma unroll
  for (int i = 0; i < Count; i += kAtOnce) {
    float some[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) some[k] = numbers[i + k];
    storeNumbers(some, kAtOnce, reinterpret_cast<T*>(data) + element + i);
  }
}

// The same of any type and alignment. Only the first `valid` numbers are touched; the others are then read as 0.
template <int Count>
__device__ __forceinline__ void readAny(const PixelMemory& from, int64_t element, int valid,
                                        float (&numbers)[Count]) {
  if (from.packs && valid == Count) {
    if (from.dtype == DType::f32) return readRun<float>(from.data, element, numbers);
    if (from.dtype == DType::bf16) return readRun<bf16>(from.data, element, numbers);
    return readRun<f16>(from.data, element, numbers);
  }
#pragma unroll
  for (float& number : numbers) number = 0.f;
#pragma unroll 1
  for (int i = 0; i < valid; ++i) {
    const float one = from.dtype == DType::f32    ? readOne<float>(from.data, element + i)
                      : from.dtype == DType::bf16 ? readOne<bf16>(from.data, element + i)
                                                  : readOne<f16>(from.data, element + i);
#pragma unroll
    for (int k = 0; k < Count; ++k) numbers[k] = i == k ? one : numbers[k];
  }
}
template <int Count>
__device__ __forceinline__ void writeAny(const PixelMemory& to, int64_t element, int valid,
                                         const float (&numbers)[Count]) {
  if (to.packs && valid == Count) {
    if (to.dtype == DType::f32) return writeRun<float>(to.data, element, numbers);
    if (to.dtype == DType::bf16) return writeRun<bf16>(to.data, element, numbers);
    return writeRun<f16>(to.data, element, numbers);
  }
#pragma unroll 1
  for (int i = 0; i < valid; ++i) {
    const float one = numberAt(numbers, i);
    if (to.dtype == DType::f32)
      writeOne<float>(to.data, element + i, one);
    else if (to.dtype == DType::bf16)
      writeOne<bf16>(to.data, element + i, one);
    else
      writeOne<f16>(to.data, element + i, one);
  }
}

// The epilogue of eight neighbouring columns of a group, the first a multiple of eight, with what is the same for all
// pixels at hand.
class ColumnEpilogue {
 public:
  __device__ __forceinline__ ColumnEpilogue(const ConvEpilogue& epilogue, int group, int columns, int column)
      : epilogue_(epilogue), channel_(group * epilogue.groupChannels), valid_(0) {
    for (int p = 0; p < epilogue.count; ++p) {
      const ConvEpilogue::Part& part = epilogue.parts[p];
      if (column < part.first || column >= part.end) continue;
      y_ = part.y;
      channel_ += column - part.first;
      valid_ = min(part.end - column, 8);
      activation_ = part.activation;
    }
    if (valid_ == 0) return;
    const char* const bias = reinterpret_cast<const char*>(epilogue.bias);
    if (bias) readRun<float>(bias, group * columns + column, bias_);
    if (activation_ == Activation::Kind::prelu)
      readRun<float>(reinterpret_cast<const char*>(epilogue.slope), group * columns + column, slope_);
  }

  __device__ __forceinline__ void store(int64_t pixel, float (&sums)[8]) const {
    if (valid_ == 0) return;
#pragma unroll
    for (int i = 0; i < 8; ++i) sums[i] += bias_[i];
    if (epilogue_.residual.data) {
      float residual[8];
      readAny(epilogue_.residual, pixel * epilogue_.residual.pixelStride + channel_, valid_, residual);
#pragma unroll
      for (int i = 0; i < 8; ++i) sums[i] += residual[i];
    }
#pragma unroll
    for (int i = 0; i < 8; ++i) sums[i] = activateAs(activation_, sums[i], slope_[i]);
    writeAny(y_, pixel * y_.pixelStride + channel_, valid_, sums);
  }

 private:
  const ConvEpilogue& epilogue_;
  PixelMemory y_{};
  int channel_, valid_;
  Activation::Kind activation_ = Activation::Kind::none;
  float bias_[8] = {}, slope_[8] = {};
};

// The same of a layer with maxout 2: four channels, the largest of each pair among eight columns.
class MaxoutEpilogue {
 public:
  __device__ __forceinline__ MaxoutEpilogue(const ConvEpilogue& epilogue, int, int, int column)
      : y_(epilogue.parts[0].y), channel_(column / 2), activation_(epilogue.parts[0].activation) {
    valid_ = max(min(epilogue.parts[0].end - channel_, 4), 0);
#pragma unroll
    for (int i = 0; i < 8; ++i) bias_[i] = i < 2 * valid_ ? epilogue.bias[column + i] : 0.f;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      slope_[i] = activation_ == Activation::Kind::prelu && i < valid_ ? epilogue.slope[channel_ + i] : 0.f;
  }

  __device__ __forceinline__ void store(int64_t pixel, const float (&sums)[8]) const {
    if (valid_ == 0) return;
    float largest[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float value = fmaxf(sums[2 * i] + bias_[2 * i], sums[2 * i + 1] + bias_[2 * i + 1]);
      largest[i] = activateAs(activation_, value, slope_[i]);
    }
    writeAny(y_, pixel * y_.pixelStride + channel_, valid_, largest);
  }

 private:
  PixelMemory y_;
  int channel_, valid_;
  Activation::Kind activation_;
  float bias_[8], slope_[4];
};

}  // namespace facenet::cuda
