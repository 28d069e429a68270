#include "cuda/conv2d/common/epilogue.cuh"
#include "cuda/conv2d/forward/depthwise.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr int kBlocksPerSm = 4;  // leaves 128 registers per thread
// Neighbours in a row that a thread computes, to read what their windows share once.
constexpr int kPixels = 4;

struct Arguments {
  const void *x, *weight;
  int64_t xStride;
  int height, width, outHeight, outWidth, outChannels, columns, multiplier;
  Window window;
  int octets, runs, threads;  // of channels in a pixel, of kPixels in a row; of the grid
  ConvEpilogue epilogue;
};

// What a thread computes: eight channels of kPixels pixels of a row.
struct Position {
  int column;    // first channel
  int image, y;  // of the output
  int x;         // first pixel
};
__device__ __forceinline__ Position positionOf(const Arguments& a, int index) {
  const int run = index / a.octets, row = run / a.runs;
  return {index % a.octets * 8, row / a.outHeight, row % a.outHeight, run % a.runs * kPixels};
}

using Sums = float[kPixels][8];

__device__ __forceinline__ void store(const Arguments& a, const Position& at, Sums& sums) {
  const ColumnEpilogue epilogue(a.epilogue, 0, a.columns, at.column);
  const int64_t first = (int64_t{at.image} * a.outHeight + at.y) * a.outWidth + at.x;
#pragma unroll
  for (int p = 0; p < kPixels; ++p)
    if (at.x + p < a.outWidth) epilogue.store(first + p, sums[p]);
}

// Eight numbers as they are stored.
template <class T>
struct Octet {
  static constexpr int kAtOnce = sizeof(T) == 4 ? 4 : 8;
  Pack<T, kAtOnce> packs[8 / kAtOnce];

  __device__ __forceinline__ void load(const T* from, bool valid) {
#pragma unroll
    for (int i = 0; i < 8 / kAtOnce; ++i) packs[i] = valid ? loadPack<kAtOnce>(from + i * kAtOnce) : zeros();
  }
  __device__ __forceinline__ void unpackInto(float (&numbers)[8]) const {
#pragma unroll
    for (int i = 0; i < 8 / kAtOnce; ++i) {
      float some[kAtOnce];
      unpack(packs[i], some);
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) numbers[i * kAtOnce + k] = some[k];
    }
  }

 private:
  static __device__ __forceinline__ Pack<T, kAtOnce> zeros() {
    const float none[kAtOnce] = {};
    Pack<T, kAtOnce> packed;
    pack(none, packed);
    return packed;
  }
};

template <class T>
__device__ __forceinline__ void readOctet(const T* from, float (&numbers)[8]) {
  Octet<T> octet;
  octet.load(from, true);
  octet.unpackInto(numbers);
}

// Square windows of a known size: a row of the window's taps is held in registers, and each pixel of the input
// that the run sees in that row is read once.
// Registers: at most 128.
template <class T, int Kernel, int Stride>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm) depthwiseSquare(Arguments a) {
  const int index = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (index >= a.threads) return;
  const Position at = positionOf(a, index);
  const int left = at.x * Stride - static_cast<int>(a.window.padLeft);
  const T* const image =
      static_cast<const T*>(a.x) + int64_t{at.image} * a.height * a.width * a.xStride + at.column;
  const T* const weight = static_cast<const T*>(a.weight) + at.column;
  constexpr int kSeen = (kPixels - 1) * Stride + Kernel;

  Sums sums = {};
#pragma unroll 1
  for (int ky = 0; ky < Kernel; ++ky) {
    const int y = at.y * Stride + ky - static_cast<int>(a.window.padTop);
    if (y < 0 || y >= a.height) continue;
    const T* const row = image + (int64_t{y} * a.width + left) * a.xStride;
    Octet<T> seen[kSeen];
#pragma unroll
    for (int s = 0; s < kSeen; ++s) {
      const bool inside = left + s >= 0 && left + s < a.width;
      seen[s].load(inside ? row + s * a.xStride : image, inside);
    }
    float taps[Kernel][8];
#pragma unroll
    for (int kx = 0; kx < Kernel; ++kx) readOctet(weight + int64_t{ky * Kernel + kx} * a.columns, taps[kx]);
#pragma unroll
    for (int s = 0; s < kSeen; ++s) {
      float numbers[8];
      seen[s].unpackInto(numbers);
#pragma unroll
      for (int p = 0; p < kPixels; ++p) {
        const int kx = s - p * Stride;
        if (kx < 0 || kx >= Kernel) continue;
#pragma unroll
        for (int i = 0; i < 8; ++i) sums[p][i] += numbers[i] * taps[kx][i];
      }
    }
  }
  store(a, at, sums);
}

// Any window. Not Packed: any alignment, and several output channels per input channel.
// Registers: at most 128.
template <class T, bool Packed>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm) depthwiseAny(Arguments a) {
  const int index = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (index >= a.threads) return;
  const Position at = positionOf(a, index);
  const Window& w = a.window;
  const T* const image = static_cast<const T*>(a.x) + int64_t{at.image} * a.height * a.width * a.xStride;
  const T* const weight = static_cast<const T*>(a.weight) + at.column;
  int channels[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) channels[i] = Packed ? at.column + i : (at.column + i) / a.multiplier;

  Sums sums = {};
  for (int ky = 0; ky < w.kernelHeight; ++ky) {
    const int64_t y = at.y * w.strideHeight + ky * w.dilationHeight - w.padTop;
    if (y < 0 || y >= a.height) continue;
    for (int kx = 0; kx < w.kernelWidth; ++kx) {
      float taps[8];
      readOctet(weight + (ky * w.kernelWidth + kx) * a.columns, taps);
#pragma unroll
      for (int p = 0; p < kPixels; ++p) {
        const int64_t x = (at.x + p) * w.strideWidth + kx * w.dilationWidth - w.padLeft;
        if (x < 0 || x >= a.width || at.x + p >= a.outWidth) continue;
        const T* const pixel = image + (y * a.width + x) * a.xStride;
        float numbers[8];
        if constexpr (Packed) {
          readOctet(pixel + at.column, numbers);
        } else {
#pragma unroll
          for (int i = 0; i < 8; ++i) {
            float number[1] = {};
            if (at.column + i < a.outChannels) unpack(pixel[channels[i]], number);
            numbers[i] = number[0];
          }
        }
#pragma unroll
        for (int i = 0; i < 8; ++i) sums[p][i] += numbers[i] * taps[i];
      }
    }
  }
  store(a, at, sums);
}

enum class Variant { square1, square2, any, numbers };

Variant variantOf(const Window& w, const View& x, const View& y) {
  const bool packed = reinterpret_cast<uintptr_t>(x.data) % 16 == 0 && x.pixelStride % 8 == 0;
  if (!packed || x.shape.channels != y.shape.channels) return Variant::numbers;
  const bool square =
      w.kernelHeight == 3 && w.kernelWidth == 3 && w.strideHeight == w.strideWidth && !w.dilated();
  if (square && w.strideWidth == 1) return Variant::square1;
  return square && w.strideWidth == 2 ? Variant::square2 : Variant::any;
}

template <class T>
void launchAs(Variant variant, const Arguments& a, cudaStream_t stream) {
  const unsigned blocks = ceilDivide(static_cast<unsigned>(a.threads), kThreads);
  switch (variant) {
    case Variant::square1: return launch<depthwiseSquare<T, 3, 1>>(blocks, kThreads, 0, stream, a);
    case Variant::square2: return launch<depthwiseSquare<T, 3, 2>>(blocks, kThreads, 0, stream, a);
    case Variant::any: return launch<depthwiseAny<T, true>>(blocks, kThreads, 0, stream, a);
    case Variant::numbers: return launch<depthwiseAny<T, false>>(blocks, kThreads, 0, stream, a);
  }
}

Arguments argumentsOf(const DepthwiseCall& call) {
  const View &x = call.x, &y = call.y;
  FACENET_ASSERT(x.count == y.count && y.shape == slidingShape(call.window, x.shape, y.shape.channels));
  FACENET_ASSERT(y.shape.channels % x.shape.channels == 0 && call.columns % kColumnAlignment == 0);
  ConvCall product;
  product.window = call.window;
  product.x = x;
  product.weights.columns = call.columns;
  product.weights.bias = call.bias;
  product.weights.slope = call.slope;
  product.to = {{y, 0, call.activation}};
  product.residual = call.residual;
  const int64_t octets = ceilDivide(y.shape.channels, 8), runs = ceilDivide(y.shape.width, kPixels);
  return {.x = x.data,
          .weight = call.weight,
          .xStride = x.pixelStride,
          .height = toInt(x.shape.height),
          .width = toInt(x.shape.width),
          .outHeight = toInt(y.shape.height),
          .outWidth = toInt(y.shape.width),
          .outChannels = toInt(y.shape.channels),
          .columns = toInt(call.columns),
          .multiplier = toInt(y.shape.channels / x.shape.channels),
          .window = call.window,
          .octets = toInt(octets),
          .runs = toInt(runs),
          .threads = toInt(y.count * y.shape.height * runs * octets),
          .epilogue = epilogueOf(product)};
}

}  // namespace

void depthwise(const DepthwiseCall& call, cudaStream_t stream) {
  const Arguments arguments = argumentsOf(call);
  if (arguments.threads == 0) return;
  withType(call.x.dtype, [&]<class T>(TypeOf<T>) {
    launchAs<T>(variantOf(call.window, call.x, call.y), arguments, stream);
  });
}

std::string describeDepthwise(const Window& window, const View& x, const View& y) {
  switch (variantOf(window, x, y)) {
    case Variant::square1: return "depthwise 3x3";
    case Variant::square2: return "depthwise 3x3/2";
    case Variant::any: return "depthwise, any window";
    default: return "depthwise, by numbers";
  }
}

}  // namespace facenet::cuda
