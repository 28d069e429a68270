// conv2d.cuh's product on tensor cores: bf16 or f16 weights and inputs, sums in fp32. Inputs that are fp32 are
// rounded to the weights' type when they are read.
#pragma once

#include "cuda/conv2d/common/conv2d.cuh"
#include "cuda/conv2d/common/tile.h"

namespace facenet::cuda {

// Bytes of scratch that conv2dMma needs: for sums where the tile has splits, or where maxout is above 2.
int64_t mmaScratchBytes(const ConvProduct& product, int64_t maxout, const ConvTile& tile);

// Whether x is copied 16 bytes at a time, past the registers: it is of a 16-bit type, and its pixels (with
// groups, each group's channels) begin at multiples of 16 bytes. x's data has to be aligned besides.
bool copiesChunks(DType dtype, int64_t pixelStride, int64_t channels, int64_t groups);

// `tile`: the rows and columns of one of mmaShapes(), with any splits; where copiesChunks() is false, 64 x 64.
// x is of the weights' type or fp32, destinations and residual of any floating type, with any alignment and
// stride. Asynchronous on `stream`; throws where the launch fails.
void conv2dMma(const ConvCall& call, const ConvTile& tile, cudaStream_t stream);

}  // namespace facenet::cuda
