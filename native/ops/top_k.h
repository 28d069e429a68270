// The nearest rows of a gallery for each of some queries, without an index: every distance is computed.
//   distance   squaredDistance of ops/triplet_mining.h, one chain of fused multiply-adds, so it has one value
//              on every backend, and so have the ties.
//   nearest    the k rows of least distance, nearest first; of rows at one distance the lower index comes
//              first, and stays where only one of them can.
// Never more than k distances a query are kept.
//
// A backend may keep what it makes of a gallery: its index, bytes that only it reads, of a length that rows and dimensions say.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "native/core/cancel.h"

namespace facenet {

constexpr int64_t maxNeighbors = 128;

// Rows are dense fp32, `dimensions` floats each, all of at most 1e15 in size, so that
// distances are finite.
struct TopK {
  const float* queries = nullptr;  // count x dimensions
  int64_t count = 0;
  const float* gallery = nullptr;  // rows x dimensions
  int64_t rows = 0;                // at least k, at most 2^31 - 1
  int64_t dimensions = 0;
  const std::byte* index = nullptr;              // of the gallery, for the backend that made it; null: none
  int64_t k = 1;                                 // 1 to maxNeighbors
  int threads = 1;                               // the reference backend uses one
  const std::atomic<int32_t>* cancel = nullptr;  // non-zero stops with ERR_FACENET_ABORTED

  void throwIfCancelled() const { facenet::throwIfCancelled(cancel); }
};

// Rows as those of a TopK.
struct IndexTask {
  const float* gallery = nullptr;
  int64_t rows = 0, dimensions = 0;
  int64_t from = 0;  // rows before it are indexed already and as they were; 0: none is
  int threads = 1;
  const std::atomic<int32_t>* cancel = nullptr;

  void throwIfCancelled() const { facenet::throwIfCancelled(cancel); }
};

}  // namespace facenet
