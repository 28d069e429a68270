// Split-K: partial sums of products that a second pass finishes (add_splits.cuh).
#pragma once

#include "cuda/conv2d/common/add_splits.cuh"
#include "cuda/conv2d/common/epilogue.cuh"

namespace facenet::cuda {

// splits x groups x pixels x columns sums.
struct SplitSums {
  float* sums;
  int groups, pixels, columns;

  __device__ __forceinline__ float* at(int split, int group, int64_t pixel) const {
    return sums + ((int64_t{split} * groups + group) * pixels + pixel) * columns;
  }
};
SplitSums splitSums(const ConvCall& call);

// Stores eight columns of a split, where a ColumnEpilogue would finish them.
class SplitColumns {
 public:
  __device__ __forceinline__ SplitColumns(const SplitSums& sums, int split, int group, int column)
      : to_(sums.at(split, group, 0) + column), columns_(sums.columns) {}
  __device__ __forceinline__ void store(int64_t pixel, const float (&sums)[8]) const {
    writeRun<float>(reinterpret_cast<char*>(to_), pixel * columns_, sums);
  }

 private:
  float* to_;
  int columns_;
};

}  // namespace facenet::cuda
