// conv2d.cuh's product of fp32 inputs in fp32: the exact path. Products and sums are fused multiply-adds in the
// order of the terms, as a plain loop has them. Tensor cores can multiply fp32 as three products of tf32 parts, but
// how they round their sums is not documented: whether that holds fp32's error is for a device to show.
#pragma once

#include "cuda/conv2d/common/conv2d.cuh"

namespace facenet::cuda {

// The tiles that conv2dF32 is built for, the largest first.
std::vector<ConvTile> f32Tiles();

// The tile that keeps the busiest multiprocessor busy for the shortest time, by arithmetic alone.
ConvTile chooseF32Tile(int64_t pixels, int64_t columns, int multiprocessors);

// x and weights are fp32, the destinations of one type. Any alignment and pixel stride; 16-byte copies where
// x, its stride and its channels allow. Asynchronous on `stream`; throws where the launch fails.
void conv2dF32(const ConvCall& call, const ConvTile& tile, cudaStream_t stream);

}  // namespace facenet::cuda
