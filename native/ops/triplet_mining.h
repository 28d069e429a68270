// Which triplets of a batch of embeddings are trained on. Rows are dense fp32, `dimensions` floats each; a
// row's positives are the other rows of its label, its negatives the rows of other labels.
//   d(i, j)   squared L2 distance: the sum over k = 0, 1, ... of (x[i][k] - x[j][k])^2, each difference
//             rounded to fp32 and squared and added by a fused multiply-add. As one chain it has one value
//             on every backend, instruction set and number of threads, and d(i, j) = d(j, i), so ties and
//             boundaries are the same everywhere.
//   hinge     (d(a, p) + margin) - d(a, n) in fp32: above zero exactly where d(a, n) < d(a, p) + margin.
//   all       every (a, p, n) with a hinge above zero.
//   semiHard  for each ordered pair (a, p) the nearest n with d(a, p) < d(a, n) < d(a, p) + margin; a pair
//             without one gives no triplet.
//   hard      for each a that has a positive and a negative, the farthest p and the nearest n.
// Ties go to the lowest index. Triplets come in the order of (anchor, positive, negative).
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <vector>

#include "native/core/cancel.h"

namespace facenet {

struct TripletMining {
  enum class Strategy { all, semiHard, hard };

  int64_t dimensions;
  Strategy strategy;
  float margin;
  int threads = 1;                               // the reference backend uses one
  const std::atomic<int32_t>* cancel = nullptr;  // non-zero stops with ERR_FACENET_ABORTED

  void throwIfCancelled() const { facenet::throwIfCancelled(cancel); }
};

// Indices of rows, three vectors of one length.
struct Triplets {
  std::vector<int32_t> anchors, positives, negatives;

  int64_t size() const { return static_cast<int64_t>(anchors.size()); }
  void add(int64_t anchor, int64_t positive, int64_t negative) {
    anchors.push_back(static_cast<int32_t>(anchor));
    positives.push_back(static_cast<int32_t>(positive));
    negatives.push_back(static_cast<int32_t>(negative));
  }
};

// 3 GB of indices, twice what a batch of the paper's size can have. More are an ERR_FACENET_INVALID_ARGUMENT.
constexpr int64_t maxTriplets = int64_t{1} << 28;
inline void checkTripletCount(int64_t count) {
  if (count > maxTriplets)
    throw invalidArgument("embeddings", text("a batch of at most ", maxTriplets, " triplets"), "one of more");
}

inline float squaredDistance(const float* a, const float* b, int64_t dimensions) {
  float sum = 0;
  for (int64_t k = 0; k < dimensions; ++k) {
    const float difference = a[k] - b[k];
    sum = std::fma(difference, difference, sum);
  }
  return sum;
}

}  // namespace facenet
