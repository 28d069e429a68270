// Runs a plan. Each backend has an executor; a model holds one.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "native/graph/plan.h"

namespace facenet {

// Seconds, medians of several runs.
struct RunTimes {
  double whole = 0;
  std::vector<double> steps;  // each launched alone, one after the other
};

class Executor {
 public:
  virtual ~Executor() = default;

  // input: count images of the plan's input shape and dtype. outputs[i]: count x elements of output i, f32,
  // dense. `cancelled` (may be null) is read now and then; when it turns non-zero the run stops with
  // ERR_FACENET_ABORTED. The result of an image does not depend on its position or on the batch it is in.
  virtual void run(const void* input, int64_t count, const std::vector<float*>& outputs,
                   const std::atomic<int32_t>* cancelled) = 0;

  virtual const Plan& plan() const = 0;
  virtual std::vector<std::string> describeKernels() const = 0;  // a line a step
  // Times `repeats` runs of `count` images that are on the device already, by the device's clock: no copies.
  // Throws ERR_FACENET_INVALID_ARGUMENT where the device has none. Steps are summed over the batch's chunks.
  virtual RunTimes measure(const void* /*input*/, int64_t /*count*/, int /*repeats*/) {
    throw invalidArgument("device", "cuda, which has a clock of its own", "another");
  }
  virtual int64_t memoryBytes() const = 0;  // weights, arenas, scratch; may be asked while run() is under way
};

// Where a chunk of images lies: an arena laid out for it, and the caller's memory.
struct ChunkMemory {
  unsigned char* arena = nullptr;
  const void* input = nullptr;
  std::vector<float*> outputs;
};

// The tensors of a step for a chunk of `count` images.
std::vector<View> viewsOf(const Plan& plan, const std::vector<int>& tensors, int64_t count,
                          const ChunkMemory& memory);

// Bytes of one image's tensor, dense.
int64_t denseBytes(const PlannedTensor& tensor);

}  // namespace facenet
