// How a product on tensor cores is cut into tiles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/conv2d/common/conv2d.cuh"

namespace facenet::cuda {

// A product's size, GEMM M x N x K; columns and terms are those of one group.
struct ConvProduct {
  int64_t pixels = 1, columns = 1, terms = 1, groups = 1;
  // Whether x is copied 16 bytes at a time; other inputs have kernels for one tile only.
  bool direct = true;
};

// Terms of one step of the pipeline, in every tile, so that the splits of a product are the same in all of them.
constexpr int kStepTerms = 32;

struct ConvDevice {
  int multiprocessors = 1;
  int64_t sharedBytes = 0;  // of a multiprocessor
};

// In training, tiles and splits are those of this device whatever there is: splits decide the order of sums, and
// what is learned should not depend on how many multiprocessors learn it.
inline constexpr ConvDevice kTrainingDevice{132, 227 * 1024};

// A tile of forward/mma_tiles.h, and how many of its blocks a multiprocessor's registers hold.
struct MmaShape {
  ConvTile tile;
  int blocks;
};
const std::vector<MmaShape>& mmaShapes();

// The shape that the model of tile.cc expects to be fastest for `images` times the product of one image. Splits
// are those of a batch of kSplitImages, whatever the batch: they decide the order of the sums, and with it the
// last bits, which must not depend on the batch that an image is in.
ConvTile chooseTile(const ConvProduct& image, int64_t images, const ConvDevice& device);
constexpr int64_t kSplitImages = 64;

// Dynamic shared memory of a block.
int64_t sharedBytesOf(const ConvTile& tile);

// "mma bf16 128x64x32, 4 stages", with splits "mma bf16 16x128x32, 4 stages, 8 splits".
std::string describe(const ConvTile& tile, DType dtype);

}  // namespace facenet::cuda
