// One row of similarities, which a block has together: whose columns are positives, and what of them a loss begins with.
#pragma once

#include "cuda/common/block_reduction.cuh"
#include "cuda/embedding_loss.cuh"
#include "native/ops/loss_rows.h"

namespace facenet::cuda {

constexpr int kLossThreads = 256;

template <class T>
__device__ __forceinline__ T rowSum(T value) {
  return blockReduceAll<kLossThreads>(value, T(0), [](T a, T b) { return a + b; });
}

struct RowOverview {
  double positiveSum;  // of squared distances
  float leastPositive, largestNegative;
  int positives;
};
__device__ __forceinline__ RowOverview shuffleXor(const RowOverview& row, int bits) {
  return {shuffleXor(row.positiveSum, bits), shuffleXor(row.leastPositive, bits),
          shuffleXor(row.largestNegative, bits), shuffleXor(row.positives, bits)};
}

class LossRow {
 public:
  __device__ __forceinline__ explicit LossRow(const LossRows& rows)
      : index(rows.first + blockIdx.x),
        s(rows.similarities + int64_t{blockIdx.x} * rows.columns),
        columns_(rows.columns),
        labels_(rows.columnsAreClasses ? nullptr : rows.labels),
        self_(rows.rowsAreClasses ? -1 : index),
        label_(rows.rowsAreClasses ? static_cast<int32_t>(index) : rows.labels[index]) {}

  int64_t index;
  float* s;

  __device__ __forceinline__ int32_t label() const { return label_; }
  __device__ __forceinline__ bool positive(int64_t j) const {
    return labels_ ? labels_[j] == label_ && j != self_ : j == label_;
  }
  __device__ __forceinline__ bool negative(int64_t j) const { return (labels_ ? labels_[j] : j) != label_; }

  // use(j) of this thread's share of the columns.
  template <class Use>
  __device__ __forceinline__ void forColumns(Use use) const {
    for (int64_t j = threadIdx.x; j < columns_; j += kLossThreads) use(j);
  }

  __device__ __forceinline__ RowOverview overview() const {
    RowOverview own{0, INFINITY, -INFINITY, 0};
    forColumns([&](int64_t j) {
      if (positive(j)) {
        own.positiveSum += 2 - 2 * static_cast<double>(s[j]);
        own.leastPositive = fminf(own.leastPositive, s[j]);
        ++own.positives;
      } else if (negative(j)) {
        own.largestNegative = fmaxf(own.largestNegative, s[j]);
      }
    });
    return blockReduceAll<kLossThreads>(
        own, RowOverview{0, INFINITY, -INFINITY, 0}, [](const RowOverview& a, const RowOverview& b) {
          return RowOverview{a.positiveSum + b.positiveSum, fminf(a.leastPositive, b.leastPositive),
                             fmaxf(a.largestNegative, b.largestNegative), a.positives + b.positives};
        });
  }

 private:
  int64_t columns_;
  const int32_t* labels_;
  int64_t self_;
  int32_t label_;
};

__device__ __forceinline__ DeviceRowLoss resultOf(const RowOverview& seen) {
  return {0, 0, seen.positiveSum, seen.largestNegative, seen.positives, 0};
}

}  // namespace facenet::cuda
