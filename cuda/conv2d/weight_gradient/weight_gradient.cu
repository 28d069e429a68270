#include <algorithm>
#include <limits>

#include "cuda/conv2d/weight_gradient/weight_gradient.cuh"
#include "cuda/conv2d/weight_gradient/weight_gradient_depthwise.cuh"
#include "cuda/conv2d/weight_gradient/weight_gradient_kernels.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int>::max();

int64_t tapsOf(const Window& window) {
  return window.kernelHeight * window.kernelWidth;
}

bool isDepthwise(int64_t groups, const Shape& x) {
  return groups > 1 && groups == x.channels;
}

// A chunk of 16 bytes holds channels of one tap.
int64_t tapTermsOf(const Shape& x, int64_t groups, DType dtype) {
  return roundUp(x.channels / groups, 16 / static_cast<int64_t>(byteSize(dtype)));
}

GradientProduct productOf(const Window& window, int64_t groups, const Shape& x, const Shape& y, int64_t count,
                          DType dtype) {
  return {y.channels / groups, tapsOf(window) * tapTermsOf(x, groups, dtype), count * y.pixels(), groups,
          dtype};
}

bool copiesChunks(const View& view, int64_t groups, DType dtype) {
  const int64_t chunk = 16 / static_cast<int64_t>(byteSize(dtype));
  return view.dtype == dtype && view.pixelStride % chunk == 0 &&
         reinterpret_cast<uintptr_t>(view.data) % 16 == 0 &&
         (groups == 1 || view.shape.channels / groups % chunk == 0);
}

// With one split the sums of a window of one tap are as the weights are.
bool throughScratch(const Window& window, int64_t groups, const Shape& x, int64_t splits) {
  return splits > 1 || tapsOf(window) > 1 || x.channels / groups % 4 != 0;
}

GradientArguments argumentsOf(const WeightGradientCall& call, const GradientProduct& product,
                              const GradientTile& tile, int64_t splits, bool inPlace) {
  const View &x = call.x, &g = call.g;
  const Window& w = call.window;
  FACENET_ASSERT(x.count * x.shape.pixels() <= kMaxInt / 2 && product.pixels <= kMaxInt / 2);
  // So that no pixel under a window's edge overflows either.
  FACENET_ASSERT((w.extentHeight() + w.padTop) * x.shape.width <= kMaxInt / 4 &&
                 w.extentWidth() + w.padLeft <= kMaxInt / 4);
  GradientArguments a{};
  a.x = x.data, a.g = g.data;
  a.xStride = x.pixelStride, a.gStride = g.pixelStride;
  a.inHeight = toInt(x.shape.height), a.inWidth = toInt(x.shape.width);
  a.channels = toInt(x.shape.channels / call.groups);
  a.kernelWidth = toInt(w.kernelWidth), a.taps = toInt(tapsOf(w));
  a.tapTerms = toInt(product.columns / tapsOf(w));
  a.strideHeight = toInt(w.strideHeight), a.strideWidth = toInt(w.strideWidth);
  a.dilationHeight = toInt(w.dilationHeight), a.dilationWidth = toInt(w.dilationWidth);
  a.padTop = toInt(w.padTop), a.padLeft = toInt(w.padLeft);
  a.outHeight = toInt(g.shape.height), a.outWidth = toInt(g.shape.width);
  a.rows = toInt(product.rows), a.pixels = toInt(product.pixels);
  a.rowTiles = toInt(ceilDivide(product.rows, tile.rows));
  a.columnTiles = toInt(ceilDivide(product.columns, tile.columns));
  FACENET_ASSERT(int64_t{a.rowTiles} * a.columnTiles <= kMaxInt && call.groups <= 65535);
  a.splitPixels = toInt(ceilDivide(ceilDivide(product.pixels, tile.pixels), splits) * tile.pixels);
  FACENET_ASSERT(inPlace || call.scratch);
  a.sums = {inPlace ? call.weight : static_cast<float*>(call.scratch), g.shape.channels,
            inPlace ? a.channels : toInt(product.columns), inPlace && call.add};
  return a;
}

void addProduct(const WeightGradientCall& call, cudaStream_t stream) {
  const View& g = call.g;
  const DType dtype = gradientArithmetic(call.x.dtype, call.g.dtype);
  GradientProduct product =
      productOf(call.window, call.groups, call.x.shape, call.g.shape, call.g.count, dtype);
  product.direct = copiesChunks(call.x, call.groups, dtype) && copiesChunks(call.g, call.groups, dtype);
  const GradientTile tile = gradientTile(product);
  const int64_t maxSplits = gradientSplits(product);
  const bool inPlace = !throughScratch(call.window, call.groups, call.x.shape, maxSplits);
  const GradientArguments a = argumentsOf(call, product, tile, maxSplits, inPlace);
  // Where the stages do not divide, fewer splits of as many stages hold them all.
  const auto splits = static_cast<int>(ceilDivide(int64_t{a.pixels}, a.splitPixels));
  (dtype == DType::f32 ? launchGradientF32 : launchGradientMma)(
      a, tile, {call.x.dtype, call.g.dtype, product.direct}, splits, toInt(call.groups), stream);
  if (!inPlace)
    addGradientSplits({call.weight, g.shape.channels, a.taps, a.channels, a.tapTerms, call.add}, a.sums.to,
                      splits, stream);
}

void addDepthwise(const WeightGradientCall& call, cudaStream_t stream) {
  const int64_t splits = depthwiseGradientSplits(call.window, call.g.shape, call.g.count);
  FACENET_ASSERT(call.scratch);
  depthwiseGradient(call, splits, static_cast<float*>(call.scratch), stream);
  // The weights of all channels as one row.
  const int values = toInt(call.g.shape.channels * tapsOf(call.window));
  addGradientSplits({call.weight, 1, 1, values, values, call.add}, static_cast<float*>(call.scratch),
                    toInt(splits), stream);
}

}  // namespace

int64_t weightGradientScratch(const Window& window, int64_t groups, const Shape& x, const Shape& y,
                              int64_t count, DType dtype) {
  if (isDepthwise(groups, x))
    return depthwiseGradientSplits(window, y, count) * y.channels * tapsOf(window) * 4;
  const GradientProduct product = productOf(window, groups, x, y, count, dtype);
  const int64_t splits = gradientSplits(product);
  if (!throughScratch(window, groups, x, splits)) return 0;
  return splits * groups * product.rows * product.columns * 4;
}

void weightGradient(const WeightGradientCall& call, cudaStream_t stream) {
  const View &x = call.x, &g = call.g;
  FACENET_ASSERT(x.count == g.count && slidingShape(call.window, x.shape, g.shape.channels) == g.shape);
  FACENET_ASSERT(x.shape.channels % call.groups == 0 && g.shape.channels % call.groups == 0);
  FACENET_ASSERT((x.dtype == DType::f32 || x.dtype == DType::bf16) &&
                 (g.dtype == DType::f32 || g.dtype == DType::bf16));
  FACENET_ASSERT(reinterpret_cast<uintptr_t>(call.weight) % 16 == 0);
  if (g.count == 0) return;
  isDepthwise(call.groups, x.shape) ? addDepthwise(call, stream) : addProduct(call, stream);
}

std::string describeWeightGradient(const Window& window, int64_t groups, const Shape& x, const Shape& y,
                                   int64_t count, DType dtype) {
  if (isDepthwise(groups, x))
    return text("gradient depthwise in ", depthwiseGradientSplits(window, y, count), " splits");
  return describe(productOf(window, groups, x, y, count, dtype));
}

}  // namespace facenet::cuda
