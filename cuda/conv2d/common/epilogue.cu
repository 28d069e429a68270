#include "cuda/conv2d/common/epilogue.cuh"

namespace facenet::cuda {
namespace {

PixelMemory pixelMemory(const View& view, int64_t groups) {
  const auto bytes = static_cast<int64_t>(byteSize(view.dtype));
  FACENET_ASSERT(view.dtype != DType::u8);
  const bool aligned = reinterpret_cast<uintptr_t>(view.data) % 16 == 0 && view.pixelStride * bytes % 16 == 0;
  const bool groupsAligned = groups == 1 || view.shape.channels / groups * bytes % 16 == 0;
  return {static_cast<char*>(view.data), view.pixelStride, view.dtype, aligned && groupsAligned};
}

}  // namespace

ConvEpilogue epilogueOf(const ConvCall& call) {
  const int64_t groups = call.weights.groups;
  const bool plain = groups == 1 && call.maxout == 1 && !call.residual.data;
  FACENET_ASSERT(!call.to.empty() && call.to.size() <= (plain ? kMaxParts : 1));
  FACENET_ASSERT(call.maxout == 1 || (groups == 1 && !call.residual.data));
  ConvEpilogue epilogue{};
  for (const ConvDestination& to : call.to) {
    const int64_t channels = to.y.shape.channels / groups, last = to.firstColumn + channels;
    FACENET_ASSERT(to.firstColumn % kColumnAlignment == 0 && last * call.maxout <= call.weights.columns);
    FACENET_ASSERT(to.y.shape.channels % groups == 0);
    epilogue.parts[epilogue.count++] = {pixelMemory(to.y, groups), static_cast<int>(to.firstColumn),
                                        static_cast<int>(last), to.activation};
    epilogue.groupChannels = static_cast<int>(channels);
  }
  if (call.residual.data) epilogue.residual = pixelMemory(call.residual, groups);
  epilogue.bias = call.weights.bias;
  epilogue.slope = call.weights.slope;
  return epilogue;
}

}  // namespace facenet::cuda
