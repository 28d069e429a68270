#include "native/backends/cuda/workspace.h"

#include <algorithm>

#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr int64_t alignment = 256;

}  // namespace

int64_t inputBytes(const Plan& plan, int64_t count) {
  return count * denseBytes(plan.tensors[static_cast<size_t>(plan.input)]);
}

int64_t outputOffset(const Plan& plan, size_t output, int64_t count) {
  int64_t offset = 0;
  for (size_t i = 0; i < output; ++i) {
    const int64_t bytes = count * denseBytes(plan.tensors[static_cast<size_t>(plan.outputs[i])]);
    offset += roundUp(bytes, alignment);
  }
  return offset;
}

int64_t outputBytes(const Plan& plan, int64_t count) {
  return outputOffset(plan, plan.outputs.size(), count);
}

int64_t scratchBytes(const std::vector<std::unique_ptr<DeviceKernel>>& kernels, int64_t count) {
  int64_t most = 0;
  for (const auto& kernel : kernels) most = std::max(most, kernel->scratchBytes(count));
  return most;
}

Workspace::Workspace(const Plan& plan, int64_t images, int64_t scratchBytes)
    : images(images),
      arena(plan.arenaBytes * images),
      scratch(scratchBytes),
      slots{Slot(inputBytes(plan, images), outputBytes(plan, images)),
            Slot(inputBytes(plan, images), outputBytes(plan, images))} {}

ChunkMemory Workspace::memoryOf(const Plan& plan, int slot, int64_t count) const {
  const Slot& own = slots[static_cast<size_t>(slot)];
  ChunkMemory memory{arena.data(), own.input.data(), {}};
  for (size_t i = 0; i < plan.outputs.size(); ++i)
    memory.outputs.push_back(reinterpret_cast<float*>(own.outputs.data() + outputOffset(plan, i, count)));
  return memory;
}

int64_t Workspace::bytes() const {
  const auto onDevice = static_cast<int64_t>(arena.bytes() + scratch.bytes());
  return onDevice + 2 * 2 * (slots[0].pinnedInput.bytes() + slots[0].pinnedOutputs.bytes());
}

}  // namespace facenet::cuda
