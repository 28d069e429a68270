// Memory on boundaries of its own choice: of cache lines, of large pages.
#pragma once

#ifdef _WIN32
#include <malloc.h>
#endif

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "native/core/integers.h"

namespace facenet {

// `bytes`: a multiple of `alignment`. Throws std::bad_alloc.
inline void* allocateAligned(size_t alignment, size_t bytes) {
#ifdef _WIN32
  void* const memory = _aligned_malloc(bytes, alignment);
#else
  void* const memory = std::aligned_alloc(alignment, bytes);
#endif
  if (!memory) throw std::bad_alloc();
  return memory;
}

struct FreeAligned {
  void operator()(void* memory) const {
#ifdef _WIN32
    _aligned_free(memory);
#else
    std::free(memory);
#endif
  }
};
template <class T>
using AlignedArray = std::unique_ptr<T[], FreeAligned>;

// `count` uninitialised elements on a 64-byte boundary. Throws std::bad_alloc.
template <class T>
AlignedArray<T> alignedArray(int64_t count) {
  const size_t bytes = roundUp(static_cast<size_t>(count) * sizeof(T), 64);
  return AlignedArray<T>(static_cast<T*>(allocateAligned(64, bytes ? bytes : 64)));
}

}  // namespace facenet
