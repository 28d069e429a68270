#include <cmath>
#include <limits>

#include "cuda/device.cuh"
#include "cuda/packed.cuh"
#include "cuda/pool.cuh"

namespace facenet::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kBlocksAnSm = 4;  // leaves 64 registers a thread

// One axis of the window.
struct Axis {
  int kernel, stride, before, after, size;
};

// Strides count stored values.
struct Geometry {
  Axis rows, columns;
  unsigned outHeight, outWidth, channels, total;
  int64_t inStride, outStride;
  bool countPadding, mean;
};

// The pixels [begin, end) of a window that lie in the image, and how many lie in the padded image.
struct Span {
  int begin, end, padded;
};
__device__ inline Span spanOf(const Axis& axis, unsigned position) {
  const int begin = static_cast<int>(position) * axis.stride - axis.before;
  const int end = begin + axis.kernel;
  return {max(begin, 0), min(end, axis.size), min(end, axis.size + axis.after) - begin};
}

// A thread an output value. Windows overlap; what they share comes from the caches.
template <class Value, Pool::Kind Kind>
__global__ void __launch_bounds__(kThreads, kBlocksAnSm) poolKernel(const Value* x, Value* y, Geometry g) {
  constexpr int kCount = kNumbers<Value>;
  const unsigned index = blockIdx.x * kThreads + threadIdx.x;
  if (index >= g.total) return;
  const unsigned channel = index % g.channels, pixel = index / g.channels;
  const unsigned column = pixel % g.outWidth, rowOfAll = pixel / g.outWidth;
  const Span rows = spanOf(g.rows, rowOfAll % g.outHeight), columns = spanOf(g.columns, column);
  const Value* image =
      x + int64_t{rowOfAll / g.outHeight} * g.rows.size * g.columns.size * g.inStride + channel;

  float result[kCount];
  for (float& number : result) number = Kind == Pool::Kind::max ? -INFINITY : 0.f;
  for (int r = rows.begin; r < rows.end; ++r) {
    for (int c = columns.begin; c < columns.end; ++c) {
      float numbers[kCount];
      unpack(image[(int64_t{r} * g.columns.size + c) * g.inStride], numbers);
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        if constexpr (Kind == Pool::Kind::max)
          result[i] = fmaxf(result[i], numbers[i]);
        else
          result[i] += Kind == Pool::Kind::l2 ? numbers[i] * numbers[i] : numbers[i];
      }
    }
  }
  const int inside = (rows.end - rows.begin) * (columns.end - columns.begin);
  const auto divisor = static_cast<float>(g.countPadding ? rows.padded * columns.padded : inside);
#pragma unroll
  for (float& number : result) {
    if (Kind == Pool::Kind::avg || (Kind == Pool::Kind::l2 && g.mean)) number /= divisor;
    if (Kind == Pool::Kind::l2) number = sqrtf(number);
  }
  Value packed;
  pack(result, packed);
  y[int64_t{pixel} * g.outStride + channel] = packed;
}

Axis axisOf(int64_t kernel, int64_t stride, int64_t before, int64_t after, int64_t size) {
  return {static_cast<int>(kernel), static_cast<int>(stride), static_cast<int>(before),
          static_cast<int>(after), static_cast<int>(size)};
}

template <class Value>
void launchOn(const Pool& op, const View& x, const View& y, cudaStream_t stream) {
  const Window& w = op.window;
  const int64_t channels = x.shape.channels / kNumbers<Value>;
  const int64_t total = y.count * y.shape.pixels() * channels;
  FACENET_ASSERT(total <= std::numeric_limits<int>::max());
  if (total == 0) return;
  const Geometry geometry{axisOf(w.kernelHeight, w.strideHeight, w.padTop, w.padBottom, x.shape.height),
                          axisOf(w.kernelWidth, w.strideWidth, w.padLeft, w.padRight, x.shape.width),
                          static_cast<unsigned>(y.shape.height),
                          static_cast<unsigned>(y.shape.width),
                          static_cast<unsigned>(channels),
                          static_cast<unsigned>(total),
                          x.pixelStride / kNumbers<Value>,
                          y.pixelStride / kNumbers<Value>,
                          op.countPadding,
                          op.mean};
  const auto blocks = static_cast<unsigned>((total + kThreads - 1) / kThreads);
  const auto* from = static_cast<const Value*>(x.data);
  auto* to = static_cast<Value*>(y.data);
  switch (op.kind) {
    case Pool::Kind::max:
      return launch<poolKernel<Value, Pool::Kind::max>>(blocks, kThreads, 0, stream, from, to, geometry);
    case Pool::Kind::avg:
      return launch<poolKernel<Value, Pool::Kind::avg>>(blocks, kThreads, 0, stream, from, to, geometry);
    case Pool::Kind::l2:
      return launch<poolKernel<Value, Pool::Kind::l2>>(blocks, kThreads, 0, stream, from, to, geometry);
  }
}

// Whether pixels can be read and written 16 bytes at a time.
bool packs(const View& view, int64_t numbers) {
  return view.shape.channels % numbers == 0 && view.pixelStride % numbers == 0 &&
         reinterpret_cast<uintptr_t>(view.data) % 16 == 0;
}

}  // namespace

void pool(const Pool& op, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.dtype == y.dtype && x.dtype != DType::u8 && x.count == y.count);
  FACENET_ASSERT(x.shape.channels == y.shape.channels);
  if (x.dtype == DType::f32)
    packs(x, 4) && packs(y, 4) ? launchOn<float4>(op, x, y, stream) : launchOn<float>(op, x, y, stream);
  else
    packs(x, 8) && packs(y, 8) ? launchOn<Bf16x8>(op, x, y, stream) : launchOn<bf16>(op, x, y, stream);
}

}  // namespace facenet::cuda
