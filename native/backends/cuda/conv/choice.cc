#include "native/backends/cuda/conv/choice.h"

#include "cuda/conv2d/forward/conv2d_f32.cuh"
#include "cuda/conv2d/forward/conv2d_mma.cuh"
#include "cuda/conv2d/forward/depthwise.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

using Kernel = ConvConfig::Kernel;

// Printed plans name the tiles of a batch of this size.
constexpr int64_t kDescribedImages = 256;

// A layer that reads an image of few channels, through a window that fits the device's shared memory.
bool isStem(const ConvProblem& p, const ConvDevice& device) {
  return p.kind == ConvProblem::Kind::conv2d && p.groups == 1 && !p.window.dilated() &&
         p.in.channels <= kMaxStemChannels &&
         stemSharedBytes(p.window, p.in.channels, p.outChannels, p.weightType) <= device.sharedBytes;
}

Kernel kernelOf(const ConvProblem& p, const ConvDevice& device) {
  if (isDepthwise(p.groups, p.inChannels)) return Kernel::depthwise;
  if (isStem(p, device)) return Kernel::stem;
  FACENET_ASSERT(!p.preprocess);  // what the planner fuses is a stem on every device
  return p.weightType == DType::f32 ? Kernel::exact : Kernel::mma;
}

int64_t strideOf(const ConvProblem& p) {
  return p.pixelStride ? p.pixelStride : roundUp(p.in.channels, 8);
}

}  // namespace

ConvConfig chooseConv(const ConvProblem& p, int64_t images, const ConvDevice& device) {
  ConvConfig config{.kernel = kernelOf(p, device)};
  const bool transposed = p.kind == ConvProblem::Kind::dataGradient;
  const int64_t rows = transposed ? p.inChannels : p.outChannels;
  const int64_t groups = config.kernel == Kernel::depthwise ? 1 : p.groups;  // of columns
  config.columns = roundUp(rows / groups, kColumnAlignment);
  config.tapTerms = roundUp(p.in.channels / p.groups, 16 / static_cast<int64_t>(byteSize(p.weightType)));
  ConvProduct product{.pixels = p.out.pixels(),
                      .columns = config.columns,
                      .terms = p.taps() * config.tapTerms,
                      .groups = p.groups,
                      .direct = p.aligned && copiesChunks(p.inType, strideOf(p), p.in.channels, p.groups)};
  const ConvDevice& tiles = p.training ? kTrainingDevice : device;
  if (config.kernel == Kernel::mma) {
    config.tile = chooseTile(product, images, tiles);
    product.pixels *= images;
    config.scratchBytes = mmaScratchBytes(product, p.maxout, config.tile);
  } else if (config.kernel == Kernel::exact) {
    config.tile = chooseF32Tile(images * product.pixels, product.columns, tiles.multiprocessors);
    config.scratchBytes = p.maxout > 1 ? images * product.pixels * product.columns * 4 : 0;
  }
  return config;
}

std::string describe(const ConvProblem& p, const ConvDevice& device) {
  const auto [kernel, columns, tapTerms, tile, scratchBytes] = chooseConv(p, kDescribedImages, device);
  const std::string at = text(" at ", kDescribedImages, " images");
  switch (kernel) {
    case Kernel::depthwise:
      return describeDepthwise(p.window, {nullptr, p.inType, 1, p.in, strideOf(p)},
                               {nullptr, p.inType, 1, p.out, p.out.channels});
    case Kernel::stem: return text("stem ", dtypeName(p.weightType), p.preprocess ? " of bytes" : "");
    case Kernel::exact: return text("fma f32 ", tile.rows, "x", tile.columns, "x", tile.terms, at);
    default: return describe(tile, p.weightType) + at;
  }
}

DataGradientRoute chooseDataGradient(const Window& window, int64_t groups, const Shape& x, const Shape& y) {
  const bool strided = window.strideHeight > 1 || window.strideWidth > 1;
  if (isDepthwise(groups, x.channels) && (strided || x.channels != y.channels))
    return DataGradientRoute::gathered;
  return strided ? DataGradientRoute::classes : DataGradientRoute::direct;
}

}  // namespace facenet::cuda
