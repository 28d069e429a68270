#include "native/graph/executor.h"

namespace facenet {
namespace {

void* addressOf(const Plan& plan, int index, int64_t count, const ChunkMemory& memory) {
  if (index == plan.input) return const_cast<void*>(memory.input);
  for (size_t i = 0; i < plan.outputs.size(); ++i)
    if (plan.outputs[i] == index) return memory.outputs[i];
  const PlannedTensor& tensor = plan.tensors[static_cast<size_t>(index)];
  const PlannedBuffer& buffer = plan.buffers[static_cast<size_t>(tensor.buffer)];
  return memory.arena + buffer.offset * count +
         tensor.channelOffset * static_cast<int64_t>(byteSize(tensor.dtype));
}

}  // namespace

std::vector<View> viewsOf(const Plan& plan, const std::vector<int>& tensors, int64_t count,
                          const ChunkMemory& memory) {
  std::vector<View> views;
  for (int index : tensors) {
    const PlannedTensor& tensor = plan.tensors[static_cast<size_t>(index)];
    views.push_back(
        {addressOf(plan, index, count, memory), tensor.dtype, count, tensor.shape, tensor.pixelStride});
  }
  return views;
}

int64_t denseBytes(const PlannedTensor& tensor) {
  return tensor.shape.elements() * static_cast<int64_t>(byteSize(tensor.dtype));
}

}  // namespace facenet
