// Copies to pinned memory, cut among threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "native/core/thread_pool.h"

namespace facenet::cuda {

// More threads than a few gain nothing: they share the memory's rate.
constexpr int mostCopiers = 8;

inline void copyInPieces(ThreadPool& pool, unsigned char* to, const unsigned char* from, int64_t bytes) {
  constexpr int64_t piece = int64_t{1} << 20;
  const auto copy = [&](int64_t i, int) {
    const int64_t first = i * piece;
    std::memcpy(to + first, from + first, static_cast<size_t>(std::min(piece, bytes - first)));
  };
  const int64_t pieces = (bytes + piece - 1) / piece;
  if (pieces == 1) return copy(0, 0);
  pool.run(pieces, copy);
}

}  // namespace facenet::cuda
