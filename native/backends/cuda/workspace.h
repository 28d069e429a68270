// The memory that the chunks of a plan go through: arena and scratch of one chunk, inputs and outputs of two.
#pragma once

#include <array>

#include "native/backends/cuda/kernel.h"
#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/backends/cuda/runtime/pinned_buffer.h"
#include "native/backends/cuda/runtime/stream.h"
#include "native/graph/executor.h"

namespace facenet::cuda {

// One of two chunks in flight. The pinned buffers mirror those on the device.
struct Slot {
  Slot(int64_t inputBytes, int64_t outputBytes)
      : input(inputBytes), outputs(outputBytes), pinnedInput(inputBytes), pinnedOutputs(outputBytes) {}

  DeviceBuffer<unsigned char> input, outputs;
  PinnedBuffer pinnedInput, pinnedOutputs;
  Event uploaded, computed, downloaded;
};

// Bytes of the input and of all outputs of a chunk, and where an output begins among them: at a multiple of 256.
int64_t inputBytes(const Plan& plan, int64_t count);
int64_t outputBytes(const Plan& plan, int64_t count);
int64_t outputOffset(const Plan& plan, size_t output, int64_t count);

// The most scratch that any step wants for a chunk of 1..count images.
int64_t scratchBytes(const std::vector<std::unique_ptr<DeviceKernel>>& kernels, int64_t count);

struct Workspace {
  Workspace(const Plan& plan, int64_t images, int64_t scratchBytes);

  ChunkMemory memoryOf(const Plan& plan, int slot, int64_t count) const;
  int64_t bytes() const;  // on the device and pinned

  int64_t images;  // of a chunk, at most
  DeviceBuffer<unsigned char> arena, scratch;
  std::array<Slot, 2> slots;
};

}  // namespace facenet::cuda
