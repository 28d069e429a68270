// Squared L2 distances between rows of embeddings, as the paper compares faces: out[i * m + j] = ||a[i] - b[j]||^2, by the
// definition, so that equal rows give exactly zero; in [0, 4] for rows of unit length.
#pragma once

#include <atomic>
#include <cstdint>

#include "native/core/cancel.h"

namespace facenet {

// Rows are dense fp32, `dimensions` floats each.
struct DistanceTask {
  const float* a = nullptr;  // n x dimensions
  int64_t n = 0;
  const float* b = nullptr;  // m x dimensions; `a` itself: each pair may be computed once
  int64_t m = 0;
  int64_t dimensions = 0;
  int threads = 1;                               // of the CPU; the reference backend uses one
  const std::atomic<int32_t>* cancel = nullptr;  // non-zero stops with ERR_FACENET_ABORTED

  void throwIfCancelled() const { facenet::throwIfCancelled(cancel); }
};

}  // namespace facenet
