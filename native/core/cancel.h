// Work that JavaScript can abort looks at a flag now and then.
#pragma once

#include <atomic>
#include <cstdint>

#include "native/core/error.h"

namespace facenet {

// Throws ERR_FACENET_ABORTED where the flag is there and not zero.
inline void throwIfCancelled(const std::atomic<int32_t>* flag) {
  if (flag && flag->load(std::memory_order_relaxed) != 0)
    throw Error(ErrorCode::aborted, "The operation was aborted");
}

}  // namespace facenet
