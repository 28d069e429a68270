#include "cuda/common/block_reduction.cuh"
#include "cuda/common/pixel_grid.cuh"
#include "cuda/preprocess.cuh"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksPerSm = 6;  // leaves 42 registers per thread
constexpr int kPixelsPerThread = 4;
constexpr int kTilePixels = kThreads * kPixelsPerThread;
constexpr int kTileBytes = kTilePixels * 3;
constexpr int kMaxParts = kWarpSize;  // of an image's sums: one per lane

// Sums of whole numbers are exact, so their order does not matter.
using Whole = unsigned long long;
struct Sums {
  Whole values, squares;
};
__device__ __forceinline__ Sums operator+(const Sums& a, const Sums& b) {
  return {a.values + b.values, a.squares + b.squares};
}
__device__ __forceinline__ Sums shuffleXor(const Sums& sums, int bits) {
  return {cuda::shuffleXor(sums.values, bits), cuda::shuffleXor(sums.squares, bits)};
}

struct Tile {
  alignas(16) uint8_t bytes[kTileBytes];
};

// A network's channels in whole numbers: bytes in its order, or the luma of ITU-R BT.601 in thousandths.
struct Channels {
  int order[3];
  bool grey;
  int count() const { return grey ? 1 : 3; }
};
constexpr float kGreyUnit = 1000;
__device__ __forceinline__ int greyOf(const uint8_t* pixel) {
  return 299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2];
}

// Brings pixels [first, first + kTilePixels) of an image into shared memory, up to its end.
__device__ __forceinline__ void stage(const uint8_t* image, int64_t pixels, int64_t first, Tile& tile) {
  const uint8_t* from = image + first * 3;
  const int bytes = static_cast<int>(min(pixels - first, int64_t{kTilePixels}) * 3);
  if (reinterpret_cast<uintptr_t>(from) % 16 == 0) {
    const int packs = bytes / 16, at = static_cast<int>(threadIdx.x);
    if (at < packs) reinterpret_cast<uint4*>(tile.bytes)[at] = reinterpret_cast<const uint4*>(from)[at];
    if (packs * 16 + at < bytes) tile.bytes[packs * 16 + at] = from[packs * 16 + at];
  } else {
    for (int i = static_cast<int>(threadIdx.x); i < bytes; i += kThreads) tile.bytes[i] = from[i];
  }
}
static_assert(kTileBytes / 16 <= kThreads);

// Block (part, image): the sums over the part's tiles, part, part + gridDim.x, ...
// Registers: at most 40.
__global__ void __launch_bounds__(kThreads, kBlocksPerSm)
    sumKernel(const uint8_t* x, int64_t pixels, Channels channels, Sums* sums) {
  Tile& tile = shared<Tile>();
  const uint8_t* image = x + int64_t{blockIdx.y} * pixels * 3;
  Sums mine{0, 0};
  for (int64_t first = int64_t{blockIdx.x} * kTilePixels; first < pixels;
       first += int64_t{gridDim.x} * kTilePixels) {
    stage(image, pixels, first, tile);
    __syncthreads();
    for (int i = 0; i < kPixelsPerThread; ++i) {
      const int p = i * kThreads + static_cast<int>(threadIdx.x);
      if (first + p >= pixels) break;
      const uint8_t* pixel = tile.bytes + p * 3;
      if (channels.grey) {
        const Whole value = static_cast<unsigned>(greyOf(pixel));
        mine.values += value;
        mine.squares += value * value;
      } else {
        const unsigned r = pixel[0], g = pixel[1], b = pixel[2];
        mine.values += r + g + b;
        mine.squares += r * r + g * g + b * b;
      }
    }
    __syncthreads();
  }
  mine = blockReduce<kThreads>(mine, [](const Sums& a, const Sums& b) { return a + b; });
  if (threadIdx.x == 0) sums[int64_t{blockIdx.y} * gridDim.x + blockIdx.x] = mine;
}

// y[c] = (value - mean[c]) * scale[c], in the unit of the channels' whole numbers.
struct Lines {
  float mean[3], scale[3];
};

// Mean and 1 / max(deviation, 1 / sqrt(elements)) of an image.
struct Line {
  float mean, scale;
};

// From the sums of the image's parts; the whole first warp calls it.
__device__ __forceinline__ Line standardization(const Sums* parts, int count, double elements, double unit) {
  const int lane = laneOf();
  const Whole values = warpSum(lane < count ? parts[lane].values : Whole{0});
  const Whole squares = warpSum(lane < count ? parts[lane].squares : Whole{0});
  const double mean = static_cast<double>(values) / elements;
  const double variance = static_cast<double>(squares) / elements - mean * mean;
  const double deviation = variance > 0 ? sqrt(variance) : 0, least = unit / sqrt(elements);
  return {static_cast<float>(mean), static_cast<float>(1 / (deviation > least ? deviation : least))};
}

// Block (tile, image). `padded`: a pixel is 8 values of which the first are its channels and the others zero.
// Registers: at most 40.
template <class Out, bool PerImage>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm)
    preprocessKernel(const uint8_t* x, int64_t pixels, Channels channels, Lines lines, const Sums* sums,
                     int parts, Out* y, int64_t yStride, bool padded) {
  const int64_t first = int64_t{blockIdx.x} * kTilePixels, imageFirst = int64_t{blockIdx.y} * pixels;
  Tile& tile = shared<Tile>();
  stage(x + imageFirst * 3, pixels, first, tile);
  if constexpr (PerImage) {
    const double elements = static_cast<double>(pixels) * (channels.grey ? 1 : 3);
    if (threadIdx.x < kWarpSize) {
      const Line line = standardization(sums + blockIdx.y * static_cast<int64_t>(parts), parts, elements,
                                        channels.grey ? kGreyUnit : 1);
      if (threadIdx.x == 0) shared<Line>() = line;
    }
    __syncthreads();
    const Line line = shared<Line>();
    for (int c = 0; c < 3; ++c) lines.mean[c] = line.mean, lines.scale[c] = line.scale;
  } else {
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kPixelsPerThread; ++i) {
    const int p = i * kThreads + static_cast<int>(threadIdx.x);
    if (first + p >= pixels) break;
    const uint8_t* pixel = tile.bytes + p * 3;
    float numbers[8] = {};
    if (channels.grey) {
      numbers[0] = (static_cast<float>(greyOf(pixel)) - lines.mean[0]) * lines.scale[0];
    } else {
#pragma unroll
      for (int c = 0; c < 3; ++c)
        numbers[c] = (static_cast<float>(pixel[channels.order[c]]) - lines.mean[c]) * lines.scale[c];
    }
    Out* to = y + (imageFirst + first + p) * yStride;
    if (!padded) {
      const float some[4] = {numbers[0], numbers[1], numbers[2], 0};
      storeNumbers(some, channels.grey ? 1 : 3, to);
    } else if constexpr (sizeof(Out) == 2) {
      storeNumbers(numbers, 8, to);
    } else {
      const float some[4] = {numbers[0], numbers[1], numbers[2], 0}, zeros[4] = {};
      storeNumbers(some, 4, to);
      storeNumbers(zeros, 4, to + 4);
    }
  }
}

Channels channelsOf(const Preprocess& op) {
  return {{op.order[0], op.order[1], op.order[2]}, op.grey};
}

Lines linesOf(const Preprocess& op) {
  Lines lines{};
  const float unit = op.grey ? kGreyUnit : 1;
  for (size_t c = 0; c < 3; ++c) lines.mean[c] = op.mean[c] * unit, lines.scale[c] = op.scale[c] / unit;
  return lines;
}

int64_t tilesOf(int64_t pixels) {
  return ceilDivide(pixels, kTilePixels);
}
int64_t partsOf(const Shape& image) {
  return std::min<int64_t>(tilesOf(image.pixels()), kMaxParts);
}

}  // namespace

int64_t preprocessScratch(const Preprocess& op, int64_t count, const Shape& image) {
  return op.perImage ? count * partsOf(image) * static_cast<int64_t>(sizeof(Sums)) : 0;
}

void preprocess(const Preprocess& op, const View& x, const View& y, bool ownsPadding, void* scratch,
                cudaStream_t stream) {
  const Channels channels = channelsOf(op);
  FACENET_ASSERT(x.dtype == DType::u8 && x.dense() && x.shape.channels == 3 && x.count == y.count);
  FACENET_ASSERT(y.shape.channels == channels.count() && y.shape.pixels() == x.shape.pixels());
  if (x.count * x.shape.pixels() == 0) return;
  // Without sums of its own an image is nothing special: the batch is one.
  const int64_t images = op.perImage ? x.count : 1, pixels = x.count * x.shape.pixels() / images;
  const int64_t parts = op.perImage ? partsOf(x.shape) : 0;
  FACENET_ASSERT(images <= 65535 && tilesOf(pixels) < (int64_t{1} << 31));
  const auto rows = static_cast<unsigned>(images);
  const dim3 grid(static_cast<unsigned>(tilesOf(pixels)), rows);
  auto* sums = static_cast<Sums*>(scratch);
  const auto* from = x.as<const uint8_t>();
  if (op.perImage)
    launch<sumKernel>(dim3(static_cast<unsigned>(parts), rows), kThreads, 0, stream, from, pixels, channels,
                      sums);
  withType(y.dtype, [&]<class Out>(TypeOf<Out>) {
    const bool padded = ownsPadding && y.pixelStride == 8 && packs<Out, 8>(y);
    const auto run = [&]<bool PerImage>(std::bool_constant<PerImage>) {
      launch<preprocessKernel<Out, PerImage>>(grid, kThreads, 0, stream, from, pixels, channels, linesOf(op),
                                              static_cast<const Sums*>(sums), static_cast<int>(parts),
                                              y.as<Out>(), y.pixelStride, padded);
    };
    op.perImage ? run(std::true_type()) : run(std::false_type());
  });
}

}  // namespace facenet::cuda
