// Training on a CUDA device.
#pragma once

#include "native/cuda/device.h"
#include "train/backend.h"

namespace facenet::train {

// `dtype`: of activations, f32 or bf16. `threads` copy images to pinned memory.
std::unique_ptr<Backend> makeCudaBackend(const facenet::cuda::Device& device, DType dtype, int threads);

}  // namespace facenet::train
