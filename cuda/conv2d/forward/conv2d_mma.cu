#include <limits>

#include "cuda/conv2d/common/add_splits.cuh"
#include "cuda/conv2d/forward/conv2d_mma.cuh"
#include "cuda/conv2d/forward/mma_launch.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int>::max();

PixelSource sourceOf(const ConvCall& call) {
  const View& x = call.x;
  if (x.dtype == DType::f32) return PixelSource::floats;
  FACENET_ASSERT(x.dtype == call.weights.dtype);
  return copiesChunks(x.dtype, x.pixelStride, x.shape.channels, call.weights.groups) &&
                 reinterpret_cast<uintptr_t>(x.data) % 16 == 0
             ? PixelSource::chunks
             : PixelSource::numbers;
}

bool throughScratch(int64_t maxout, const ConvTile& tile) {
  return tile.splits > 1 || maxout > 2;
}

MmaArguments argumentsOf(const ConvCall& call, const ConvTile& tile) {
  const View &x = call.x, &y = call.to.front().y;
  const ConvWeights& w = call.weights;
  const int64_t pixels = call.pixels(), columnTiles = ceilDivide(w.columns, tile.columns);
  FACENET_ASSERT(x.count == y.count && slidingShape(call.window, x.shape, y.shape.channels) == y.shape);
  FACENET_ASSERT(x.shape.channels % w.groups == 0 && w.columns % kColumnAlignment == 0);
  FACENET_ASSERT(w.tapTerms % 8 == 0 && w.tapTerms >= x.shape.channels / w.groups);
  FACENET_ASSERT(w.rowTerms == w.tapTerms * call.window.kernelHeight * call.window.kernelWidth);
  // The kernel keeps a window's corner in 16 bits per coordinate, and its offset within the tile's images in 32.
  const Window& window = call.window;
  const int64_t windowHeight = window.kernelHeight * window.dilationHeight;
  const int64_t windowWidth = window.kernelWidth * window.dilationWidth;
  FACENET_ASSERT(std::max({x.shape.height, x.shape.width, windowHeight, windowWidth}) < 0x4000);
  FACENET_ASSERT(std::max(window.padTop, window.padLeft) < 0x4000);
  const int64_t images = (tile.rows - 1) / y.shape.pixels() + 2;
  FACENET_ASSERT((images + 1) * x.imageStride() + windowHeight * x.shape.width * x.pixelStride < kMaxInt);
  FACENET_ASSERT(pixels <= kMaxInt - tile.rows);
  FACENET_ASSERT(call.scratch || !throughScratch(call.maxout, tile));

  MmaArguments a{};
  a.x = x.data;
  a.inHeight = toInt(x.shape.height), a.inWidth = toInt(x.shape.width);
  a.channels = toInt(x.shape.channels / w.groups), a.pixelStride = toInt(x.pixelStride);
  a.kernelWidth = toInt(window.kernelWidth);
  a.dilationHeight = toInt(window.dilationHeight), a.dilationWidth = toInt(window.dilationWidth);
  a.windowHeight = toInt(windowHeight), a.windowWidth = toInt(windowWidth);
  a.strideHeight = toInt(window.strideHeight), a.strideWidth = toInt(window.strideWidth);
  a.padTop = toInt(window.padTop), a.padLeft = toInt(window.padLeft);
  a.weight = w.weight;
  a.outWidth = toInt(y.shape.width), a.outPixels = toInt(y.shape.pixels());
  a.pixels = toInt(pixels);
  a.columns = toInt(w.columns), a.tapTerms = toInt(w.tapTerms), a.rowTerms = toInt(w.rowTerms);
  a.groups = toInt(w.groups);
  a.rowTiles = toInt(ceilDivide(pixels, tile.rows)), a.columnTiles = toInt(columnTiles);
  FACENET_ASSERT(int64_t{a.rowTiles} * a.columnTiles <= kMaxInt && a.groups <= 65535);
  a.rowsInnermost = w.columns * w.rowTerms > x.count * x.imageStride();
  const int64_t steps = ceilDivide(w.rowTerms, tile.terms);
  a.splitSteps = toInt(ceilDivide(steps, tile.splits));
  a.toSplits = throughScratch(call.maxout, tile);
  a.splits = splitSums(call);
  a.maxout = toInt(call.maxout);
  a.epilogue = epilogueOf(call);
  return a;
}

}  // namespace

int64_t mmaScratchBytes(const ConvProduct& product, int64_t maxout, const ConvTile& tile) {
  if (!throughScratch(maxout, tile)) return 0;
  return splitBytes(product.groups, product.pixels, product.columns, tile.splits);
}

bool copiesChunks(DType dtype, int64_t pixelStride, int64_t channels, int64_t groups) {
  return dtype != DType::f32 && pixelStride % 8 == 0 && (groups == 1 || channels / groups % 8 == 0);
}

void conv2dMma(const ConvCall& call, const ConvTile& tile, cudaStream_t stream) {
  const MmaArguments arguments = argumentsOf(call, tile);
  if (arguments.pixels == 0) return;
  (call.weights.dtype == DType::bf16 ? launchMmaBf16 : launchMmaF16)(arguments, tile, sourceOf(call), stream);
  if (arguments.toSplits) addSplits(call, tile.splits, stream);
}

}  // namespace facenet::cuda
