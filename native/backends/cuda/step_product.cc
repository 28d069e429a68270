#include "native/backends/cuda/step_product.h"

#include "cuda/conv2d/forward/conv2d_mma.cuh"

namespace facenet::cuda {
namespace {

ConvProduct productOf(const PackedColumns& packed, const PlannedTensor& in, const Shape& out) {
  return {.pixels = out.pixels(),
          .columns = packed.columns,
          .terms = packed.rowTerms,
          .groups = packed.groups,
          .direct = copiesPieces(in.dtype, in.pixelStride, in.shape.channels, packed.groups)};
}

}  // namespace

StepProduct::StepProduct(const PackedColumns& packed, const Window& window, const PlannedTensor& in,
                         const Shape& out, int64_t maxout, const Device& device)
    : columns_(packed),
      window_(window),
      maxout_(maxout),
      route_(packed.dtype, productOf(packed, in, out), maxout, {device.multiprocessors, device.sharedBytes}) {
}

void StepProduct::launch(const View& x, const std::vector<View>& to,
                         const std::vector<Activation::Kind>& activations, const View& residual,
                         void* scratch, cudaStream_t stream) const {
  ConvCall call{.window = window_,
                .x = x,
                .weights = columns_.weights(),
                .to = {},
                .residual = residual,
                .maxout = maxout_,
                .scratch = scratch};
  for (size_t p = 0; p < to.size(); ++p) call.to.push_back({to[p], columns_.firstColumn(p), activations[p]});
  route_.launch(call, stream);
}

}  // namespace facenet::cuda
