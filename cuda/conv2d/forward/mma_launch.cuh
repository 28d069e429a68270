// The kernels of conv2dMma, one source file per element type.
#pragma once

#include "cuda/conv2d/common/tile.h"
#include "cuda/conv2d/forward/mma_arguments.cuh"

namespace facenet::cuda {

// How x is read.
enum class PixelSource { chunks, numbers, floats };  // 16 bytes at a time, one number at a time, fp32

void launchMmaBf16(const MmaArguments& arguments, const ConvTile& tile, PixelSource source,
                   cudaStream_t stream);
void launchMmaF16(const MmaArguments& arguments, const ConvTile& tile, PixelSource source,
                  cudaStream_t stream);

}  // namespace facenet::cuda
