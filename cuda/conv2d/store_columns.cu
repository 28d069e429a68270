#include "cuda/conv2d/store_columns.cuh"

namespace facenet::cuda {
namespace {

// Whether four numbers can be read or written at once wherever a multiple of four channels begins.
bool packsFour(const View& view) {
  const auto bytes = static_cast<uintptr_t>(4 * byteSize(view.dtype));
  return view.pixelStride % 4 == 0 && reinterpret_cast<uintptr_t>(view.data) % bytes == 0;
}

}  // namespace

ColumnStore columnStore(const ConvCall& call) {
  FACENET_ASSERT(!call.to.empty() && call.to.size() <= kMostParts);
  FACENET_ASSERT(!call.residual.data || call.to.size() == 1);
  ColumnStore store{};
  store.count = static_cast<int>(call.to.size());
  store.dtype = call.to.front().y.dtype;
  store.packs = true;
  FACENET_ASSERT(store.dtype != DType::u8);
  for (int p = 0; p < store.count; ++p) {
    const ConvDestination& to = call.to[static_cast<size_t>(p)];
    FACENET_ASSERT(to.y.dtype == store.dtype && to.firstColumn % kColumnAlignment == 0);
    store.packs = store.packs && packsFour(to.y);
    store.parts[p] = {to.y.data, to.y.pixelStride, static_cast<int>(to.firstColumn),
                      static_cast<int>(to.firstColumn + to.y.shape.channels), to.activation};
  }
  if (call.residual.data) {
    FACENET_ASSERT(call.residual.dtype != DType::u8);
    store.residual = call.residual.data;
    store.residualStride = call.residual.pixelStride;
    store.residualType = call.residual.dtype;
    store.residualPacks = packsFour(call.residual);
  }
  store.bias = call.weights.bias;
  store.slope = call.weights.slope;
  return store;
}

}  // namespace facenet::cuda
