// Copies to pinned staging memory, cut among threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "native/core/integers.h"
#include "native/core/thread_pool.h"

namespace facenet::cuda {

// More threads than a few gain nothing: they share the memory's rate.
constexpr int kMaxCopiers = 8;

inline void copyToStaging(ThreadPool& pool, unsigned char* to, const unsigned char* from, int64_t bytes) {
  constexpr int64_t kBlockBytes = int64_t{1} << 20;
  const auto copy = [&](int64_t i, int) {
    const int64_t first = i * kBlockBytes;
    std::memcpy(to + first, from + first, static_cast<size_t>(std::min(kBlockBytes, bytes - first)));
  };
  const int64_t blocks = ceilDivide(bytes, kBlockBytes);
  if (blocks == 1) return copy(0, 0);
  pool.run(blocks, copy);
}

}  // namespace facenet::cuda
