// What the kernels of conv2dMma are told. Everything counts elements.
#pragma once

#include "cuda/conv2d/common/split_sums.cuh"

namespace facenet::cuda {

struct MmaArguments {
  // x and the window on it
  const void* x;
  int inHeight, inWidth, channels, pixelStride;  // channels: of a group
  int kernelWidth, strideHeight, strideWidth, padTop, padLeft;
  int dilationHeight, dilationWidth, windowHeight, windowWidth;  // window: kernel times dilation
  // The product
  const void* weight;
  int outWidth, outPixels;  // of one image
  int pixels;               // of all images
  int columns, tapTerms, rowTerms, groups;
  // How it is cut
  int rowTiles, columnTiles;
  bool rowsInnermost;  // the order of the tiles: neighbours share what is larger, and find it in the L2 cache
  int splitSteps;      // steps of kStepTerms per split
  // Where it goes
  bool toSplits;  // to `splits` (add_splits.cuh), else through the epilogue
  SplitSums splits;
  int maxout;
  ConvEpilogue epilogue;
};

}  // namespace facenet::cuda
