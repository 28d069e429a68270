// What the CUDA backend provides: one kernel object per step of the plan, made once when a model is opened.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <string>
#include <vector>

#include "native/backends/cuda/runtime/device.h"
#include "native/graph/plan.h"
#include "native/graph/weights.h"

namespace facenet::cuda {

// Holds the step's weights on the device, prepared once. Immutable after construction; calls of launch() on
// different streams may be under way together, each with its own scratch.
class DeviceKernel {
 public:
  virtual ~DeviceKernel() = default;

  // Puts the work on `stream` and returns; it may be recorded into a graph, so nothing is allocated, copied
  // from host memory or waited for. Views are device memory and hold the same number of images. Their data is
  // aligned to 16 bytes and, where it lies in the arena, so is every pixel: pixels are a multiple of 8
  // elements apart, and what lies between a pixel's last channel and the next pixel has no meaning, may be NaN
  // and may be overwritten, unless it belongs to another slice of a concat. The caller's input and outputs are
  // dense. `scratch` has scratchBytes(count) bytes or more, aligned to 256; for more images it is never less.
  virtual void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
                      cudaStream_t stream) const = 0;
  virtual int64_t scratchBytes(int64_t /*count*/) const { return 0; }

  // Device memory of the prepared weights.
  virtual int64_t weightBytes() const { return 0; }

  // How the kernel does it, for printed plans: "mma bf16 128x64x32, 4 stages".
  virtual std::string describe() const = 0;
};

// Throws ERR_FACENET_CUDA_OOM where the weights do not fit.
std::unique_ptr<DeviceKernel> makeCudaKernel(const Plan& plan, const Step& step, const Weights& weights,
                                             const Device& device);

}  // namespace facenet::cuda
