#include "native/core/team.h"

#include "native/core/cancel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace facenet {

namespace {

// Layers of one image take some 10 to 100 microseconds, about what it takes to wake a thread that sleeps: a thread looks
// that long for the others before it does.
constexpr int kLooks = 4000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void Team::meet() {
  const uint32_t round = round_.load(std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    ++arrived_;
    if (arrived_ + gone_ == size_) release();
  }
  for (int looks = 0; round_.load(std::memory_order_acquire) == round; ++looks) {
    if (looks < kLooks)
      pause();
    else
      round_.wait(round, std::memory_order_acquire);
  }
  if (failure_) std::rethrow_exception(failure_);
}

void Team::fail() {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::current_exception();
}

void Team::quit() {
  fail();
  const std::lock_guard lock(mutex_);
  ++gone_;
  if (arrived_ > 0 && arrived_ + gone_ == size_) release();
}

// With the mutex held.
void Team::release() {
  try {
    throwIfCancelled(cancelled_);
  } catch (...) {
    if (!failure_) failure_ = std::current_exception();
  }
  next_.store(0, std::memory_order_relaxed);
  arrived_ = 0;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
}

}  // namespace facenet
