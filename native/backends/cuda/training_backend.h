// Training on a CUDA device.
#pragma once

#include "native/backends/cuda/runtime/device.h"
#include "native/backends/training_backend.h"

namespace facenet::train {

// `dtype`: of activations, f32 or bf16. `threads` copy images to pinned memory.
std::unique_ptr<Backend> makeCudaBackend(const facenet::cuda::Device& device, DType dtype, int threads);

}  // namespace facenet::train
