// preprocess (ops/preprocess.h): interleaved uint8 RGB to the network's input.
#pragma once

#include <cuda_runtime_api.h>

#include "native/core/shape.h"
#include "native/ops/preprocess.h"

namespace facenet::cuda {

// x: dense u8 images of 3 channels; y: f32, bf16 or f16, of 3 channels or, grey, one. `ownsPadding`: what lies
// between the pixels of y belongs to nobody else; it is then filled with zeros where pixels are 8 values
// apart. `scratch` has preprocessScratch bytes, aligned to 16. Asynchronous; throws where the launch fails.
void preprocess(const Preprocess& op, const View& x, const View& y, bool ownsPadding, void* scratch,
                cudaStream_t stream);

// Sums of an image's values, for op.perImage.
int64_t preprocessScratch(const Preprocess& op, int64_t count, const Shape& image);

}  // namespace facenet::cuda
