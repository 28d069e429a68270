#include "cuda/conv2d/eight_columns.cuh"

namespace facenet::cuda {
namespace {

PixelMemory pixelMemory(const View& view) {
  const auto strideBytes = static_cast<uintptr_t>(view.pixelStride) * byteSize(view.dtype);
  FACENET_ASSERT(view.dtype != DType::u8);
  return {static_cast<char*>(view.data), view.pixelStride, view.dtype,
          reinterpret_cast<uintptr_t>(view.data) % 16 == 0 && strideBytes % 16 == 0};
}

}  // namespace

ConvEnd convEnd(const ConvCall& call) {
  const int64_t groups = call.weights.groups;
  const bool plain = groups == 1 && call.maxout == 1 && !call.residual.data;
  FACENET_ASSERT(!call.to.empty() && call.to.size() <= (plain ? kMostParts : 1));
  FACENET_ASSERT(call.maxout == 1 || (groups == 1 && !call.residual.data));
  ConvEnd end{};
  for (const ConvDestination& to : call.to) {
    const int64_t channels = to.y.shape.channels / groups, last = to.firstColumn + channels;
    FACENET_ASSERT(to.firstColumn % kColumnAlignment == 0 && last * call.maxout <= call.weights.columns);
    FACENET_ASSERT(to.activation != Activation::Kind::sigmoid && to.y.shape.channels % groups == 0);
    end.parts[end.count++] = {pixelMemory(to.y), static_cast<int>(to.firstColumn), static_cast<int>(last),
                              to.activation};
    end.groupChannels = static_cast<int>(channels);
  }
  end.groupsPack = groups == 1 || end.groupChannels % 8 == 0;
  if (call.residual.data) end.residual = pixelMemory(call.residual);
  end.bias = call.weights.bias;
  end.slope = call.weights.slope;
  return end;
}

}  // namespace facenet::cuda
