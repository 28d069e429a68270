// The hinge triplet loss of the FaceNet paper and its gradient. With d and hinge of ops/triplet_mining.h:
//   loss       sum over triplets of max(0, (d(a, p) + margin) - d(a, n)): each hinge in fp32, their sum in fp64
//              in the order of the triplets. A sum, as in the paper, no mean.
//   active     triplets whose hinge is above zero.
//   gradient   of the loss with respect to every row. One active triplet adds
//                2 (n - p) to the anchor's row, 2 (p - a) to the positive's, 2 (a - n) to the negative's,
//              so row i gets 2 * sum over j of c(i, j) x[j] with whole numbers c:
//                c(a, n) += 1, c(a, p) -= 1, c(p, p) += 1, c(p, a) -= 1, c(n, a) += 1, c(n, n) -= 1.
//              c is counted exactly; the sum is a chain of fused multiply-adds over the j with c(i, j) != 0,
//              ascending. So the gradient depends neither on the order of the triplets nor on threads.
// A triplet whose hinge is exactly zero counts as inactive: at the kink the gradient is that of the flat side.
#pragma once

#include "native/ops/triplet_mining.h"

namespace facenet {

struct TripletLoss {
  int64_t dimensions;
  float margin;
  int threads = 1;                               // the reference backend uses one
  const std::atomic<int32_t>* cancel = nullptr;  // non-zero stops with ERR_FACENET_ABORTED

  void throwIfCancelled() const { facenet::throwIfCancelled(cancel); }
};

// `count` triplets of indices below n, owned by the caller.
struct TripletsView {
  const int32_t *anchors, *positives, *negatives;
  int64_t count;
};

struct LossValue {
  double loss;
  int64_t active;
};

}  // namespace facenet
