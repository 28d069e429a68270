// Training on a CUDA device.
#pragma once

#include "native/backends/cuda/runtime/device.h"
#include "native/backends/training_backend.h"

namespace facenet::cuda {

// `dtype`: of activations, f32 or bf16. `threads` copy images to pinned memory.
std::unique_ptr<train::Backend> makeTrainingBackend(const Device& device, DType dtype, int threads);

}  // namespace facenet::cuda
