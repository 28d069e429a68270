#include "native/backends/cuda/conv/product_route.h"

#include "cuda/conv2d/common/add_splits.cuh"
#include "cuda/conv2d/forward/conv2d_f32.cuh"
#include "cuda/conv2d/forward/conv2d_mma.cuh"

namespace facenet::cuda {
namespace {

// Printed plans name the tiles of a batch of this size.
constexpr int64_t kDescribedImages = 256;

// Each group as a convolution of its own.
ConvCall groupOf(ConvCall call, int64_t group) {
  const int64_t groups = call.weights.groups;
  const auto slice = [&](View& view) {
    if (!view.data) return;
    view.shape.channels /= groups;
    view.data = static_cast<char*>(view.data) +
                group * view.shape.channels * static_cast<int64_t>(byteSize(view.dtype));
  };
  slice(call.x);
  slice(call.to[0].y);
  slice(call.residual);
  ConvWeights& w = call.weights;
  w.groups = 1;
  w.weight = static_cast<const float*>(w.weight) + group * w.columns * w.rowTerms;
  if (w.bias) w.bias += group * w.columns;
  if (w.slope) w.slope += group * w.columns;
  return call;
}

}  // namespace

ProductRoute::ProductRoute(DType dtype, const ConvProduct& image, int64_t maxout, const ConvDevice& device)
    : dtype_(dtype), image_(image), maxout_(maxout), device_(device) {}

ConvTile ProductRoute::tileFor(int64_t count) const {
  return exact() ? chooseF32Tile(count * image_.pixels, image_.columns, device_.multiprocessors)
                 : chooseTile(image_, count, device_);
}

void ProductRoute::launch(const ConvCall& call, cudaStream_t stream) const {
  exact() ? launchExact(call, stream) : conv2dMma(call, tileFor(call.x.count), stream);
}

// Maxout takes a second pass over the columns.
void ProductRoute::launchExact(const ConvCall& call, cudaStream_t stream) const {
  const ConvTile tile = tileFor(call.x.count);
  if (call.maxout > 1) {
    ConvCall columns = call;
    const Shape shape{1, 1, call.weights.columns};
    columns.to = {{{call.scratch, DType::f32, call.x.count, shape, shape.channels}}};
    columns.maxout = 1;
    conv2dF32(columns, tile, stream);
    ConvCall rest = call;
    rest.weights.bias = nullptr;
    return addSplits(rest, 1, stream);
  }
  for (int64_t group = 0; group < call.weights.groups; ++group)
    conv2dF32(call.weights.groups > 1 ? groupOf(call, group) : call, tile, stream);
}

int64_t ProductRoute::scratchBytes(int64_t count) const {
  if (exact()) return maxout_ > 1 ? count * image_.pixels * image_.columns * 4 : 0;
  ConvProduct product = image_;
  product.pixels *= count;
  return mmaScratchBytes(product, maxout_, tileFor(count));
}

std::string ProductRoute::describe() const {
  const ConvTile tile = tileFor(kDescribedImages);
  if (!exact()) return text(cuda::describe(tile, dtype_), " at ", kDescribedImages, " images");
  return text("fma f32 ", tile.rows, "x", tile.columns, "x", tile.terms, " at ", kDescribedImages, " images");
}

}  // namespace facenet::cuda
