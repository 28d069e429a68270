#include <cmath>
#include <limits>

#include "cuda/common/pixel_grid.cuh"
#include "cuda/common/pool_window.cuh"
#include "cuda/pool.cuh"

namespace facenet::cuda {
namespace {

constexpr int kThreads = kPixelThreads;
constexpr int kBlocksPerSm = 4;  // leaves 64 registers per thread

template <Pool::Kind Kind, int N>
__device__ __forceinline__ void startPool(float (&result)[N]) {
#pragma unroll
  for (float& number : result) number = Kind == Pool::Kind::max ? -INFINITY : 0.f;
}

template <Pool::Kind Kind, class Packed, int N>
__device__ __forceinline__ void addToPool(Packed packed, float (&result)[N]) {
  float numbers[N];
  unpack(packed, numbers);
#pragma unroll
  for (int i = 0; i < N; ++i) {
    if constexpr (Kind == Pool::Kind::max)
      result[i] = fmaxf(result[i], numbers[i]);
    else if constexpr (Kind == Pool::Kind::avg)
      result[i] += numbers[i];
    else
      result[i] = fmaf(numbers[i], numbers[i], result[i]);
  }
}

template <Pool::Kind Kind>
__device__ __forceinline__ float finishPool(float result, bool mean, float divisor) {
  if (Kind == Pool::Kind::avg || (Kind == Pool::Kind::l2 && mean)) result /= divisor;
  return Kind == Pool::Kind::l2 ? sqrtf(result) : result;
}

// One thread per N output values. Windows overlap; what they share comes from the caches. Side: of a square window,
// of which a row is on its way at once; 1: any window, 0: a dilated one.
// Registers: at most 64.
template <class In, class Out, int N, Pool::Kind Kind, int Side>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm)
    poolKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, PixelGrid grid, Geometry g) {
  const PixelThread<N, 1> thread(grid);
  if (!thread.has(0)) return;
  const auto pixel = static_cast<unsigned>(thread.first);
  const unsigned rowOfAll = pixel / g.outWidth;
  constexpr bool kDilated = Side == 0;
  const Span rows = spanOf<kDilated>(g.rows, rowOfAll % g.outHeight);
  const Span columns = spanOf<kDilated>(g.columns, pixel % g.outWidth);
  const In* image =
      x + int64_t{rowOfAll / g.outHeight} * g.rows.size * g.columns.size * xStride + thread.channel;
  const auto load = [&](int row, int column) {
    return loadPack<N>(image + (int64_t{row} * g.columns.size + column) * xStride);
  };

  float result[N];
  startPool<Kind>(result);
  if constexpr (Side > 1) {
#pragma unroll
    for (int r = 0; r < Side; ++r) {
      const int row = rows.begin + r;
      if (row >= rows.end) break;
      Pack<In, N> packs[Side];
#pragma unroll
      for (int c = 0; c < Side; ++c)
        if (columns.begin + c < columns.end) packs[c] = load(row, columns.begin + c);
#pragma unroll
      for (int c = 0; c < Side; ++c)
        if (columns.begin + c < columns.end) addToPool<Kind>(packs[c], result);
    }
  } else {
    for (int row = rows.begin; row < rows.end; row += rows.step)
#pragma unroll 4
      for (int column = columns.begin; column < columns.end; column += columns.step)
        addToPool<Kind>(load(row, column), result);
  }
  const float divisor = divisorOf(g, rows, columns);
#pragma unroll
  for (float& number : result) number = finishPool<Kind>(number, g.mean, divisor);
  storeNumbers(result, thread.valid, y + thread.first * yStride + thread.channel);
}

// Global pools. A block has up to kGroups groups of N channels of one image, and the threads of a group share
// the image's pixels.
constexpr int kGroups = 32;
template <int N>
struct PartialPools {
  float numbers[N][kThreads];
};

struct WholeImage {
  int64_t pixels;
  int channels, groups;  // of the block
  bool mean;
};

// Registers: at most 40.
template <class In, class Out, int N, Pool::Kind Kind>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm)
    globalPoolKernel(const In* x, int64_t xStride, Out* y, int64_t yStride, WholeImage image) {
  float(&partial)[N][kThreads] = shared<PartialPools<N>>().numbers;
  const int members = kThreads / image.groups, threads = members * image.groups;
  const int group = static_cast<int>(threadIdx.x) % image.groups;
  const int member = static_cast<int>(threadIdx.x) / image.groups;
  const int firstChannel = static_cast<int>(blockIdx.x) * image.groups * N,
            channel = firstChannel + group * N;
  float result[N];
  startPool<Kind>(result);
  if (member < members && channel < image.channels) {
    const In* from = x + int64_t{blockIdx.y} * image.pixels * xStride + channel;
#pragma unroll 4
    for (int64_t pixel = member; pixel < image.pixels; pixel += members)
      addToPool<Kind>(loadPack<N>(from + pixel * xStride), result);
  }
#pragma unroll
  for (int i = 0; i < N; ++i) partial[i][threadIdx.x] = result[i];
  __syncthreads();
  for (int value = static_cast<int>(threadIdx.x); value < image.groups * N; value += kThreads) {
    const int i = value / image.groups, ofGroup = value % image.groups;
    const int to = firstChannel + ofGroup * N + i;
    if (to >= image.channels) continue;
    float total[1] = {partial[i][ofGroup]};
    for (int other = ofGroup + image.groups; other < threads; other += image.groups)
      total[0] = Kind == Pool::Kind::max ? fmaxf(total[0], partial[i][other]) : total[0] + partial[i][other];
    total[0] = finishPool<Kind>(total[0], image.mean, static_cast<float>(image.pixels));
    storeNumbers(total, 1, y + int64_t{blockIdx.y} * yStride + to);
  }
}

template <class In, class Out, int N, Pool::Kind Kind>
void launchGlobal(const Pool& op, const View& x, const View& y, cudaStream_t stream) {
  const int64_t groups = ceilDivide(x.shape.channels, N), ofBlock = std::min<int64_t>(groups, kGroups);
  const WholeImage image{x.shape.pixels(), static_cast<int>(x.shape.channels), static_cast<int>(ofBlock),
                         op.mean};
  FACENET_ASSERT(x.count <= 65535);
  const dim3 grid(static_cast<unsigned>(ceilDivide(groups, ofBlock)), static_cast<unsigned>(x.count));
  launch<globalPoolKernel<In, Out, N, Kind>>(grid, kThreads, 0, stream, x.as<const In>(), x.pixelStride,
                                             y.as<Out>(), y.pixelStride, image);
}

template <class In, class Out, int N, Pool::Kind Kind>
void launchWindows(const Pool& op, const View& x, const View& y, cudaStream_t stream) {
  const Geometry geometry = geometryOf(op, x, y);
  withSide<N>(op.window, [&]<int Side>(std::integral_constant<int, Side>) {
    const PixelLaunch l = pixelLaunch<N, 1>(y);
    launch<poolKernel<In, Out, N, Kind, Side>>(l.blocks, l.threads, 0, stream, x.as<const In>(),
                                               x.pixelStride, y.as<Out>(), y.pixelStride, l.grid, geometry);
  });
}

// Whether one block per image is worth more than one thread per output: one output of so many pixels.
bool isGlobal(const Pool& op, const View& x, const View& y) {
  const Window& w = op.window;
  return y.shape.pixels() == 1 && !w.padded() && w.kernelHeight == x.shape.height &&
         w.kernelWidth == x.shape.width && x.shape.pixels() > 9;
}

template <class In, class Out, int N, Pool::Kind Kind>
void launchOn(const Pool& op, const View& x, const View& y, cudaStream_t stream) {
  if (isGlobal(op, x, y))
    launchGlobal<In, Out, N, Kind>(op, x, y, stream);
  else
    launchWindows<In, Out, N, Kind>(op, x, y, stream);
}

}  // namespace

void pool(const Pool& op, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape.channels == y.shape.channels);
  FACENET_ASSERT(y.count * y.shape.pixels() <= std::numeric_limits<int>::max());
  if (y.count * y.shape.elements() == 0) return;
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    withWidth<kWide>(packs<In, kWide>(x) && packs<Out, kWide>(y), [&]<int N>(Width<N>) {
      switch (op.kind) {
        case Pool::Kind::max: return launchOn<In, Out, N, Pool::Kind::max>(op, x, y, stream);
        case Pool::Kind::avg: return launchOn<In, Out, N, Pool::Kind::avg>(op, x, y, stream);
        case Pool::Kind::l2: return launchOn<In, Out, N, Pool::Kind::l2>(op, x, y, stream);
      }
    });
  });
}

}  // namespace facenet::cuda
