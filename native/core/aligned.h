// Memory on cache-line boundaries.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "native/core/integers.h"

namespace facenet {

struct FreeAligned {
  void operator()(void* p) const { std::free(p); }
};
template <class T>
using AlignedArray = std::unique_ptr<T[], FreeAligned>;

// `count` uninitialised elements on a 64-byte boundary. Throws std::bad_alloc.
template <class T>
AlignedArray<T> alignedArray(int64_t count) {
  const size_t bytes = roundUp(static_cast<size_t>(count) * sizeof(T), 64);
  void* p = std::aligned_alloc(64, bytes ? bytes : 64);
  if (!p) throw std::bad_alloc();
  return AlignedArray<T>(static_cast<T*>(p));
}

}  // namespace facenet
