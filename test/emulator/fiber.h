// Stackful fibers that switch in a few nanoseconds: on x86-64 by saving the six registers a call must keep,
// elsewhere by ucontext (which also saves the signal mask, a system call a switch).
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {

struct Fiber {
#if defined(__x86_64__)
  void* stackPointer = nullptr;
#else
  ucontext_t context;
#endif
};

// Makes `fiber` start in `entry` on the given stack. `entry` must not return.
void prepare(Fiber& fiber, char* stack, size_t bytes, void (*entry)());
// Leaves `from` where it is and goes on in `to`.
void switchFiber(Fiber& from, Fiber& to);

// `count` stacks with an unmapped page below each: an overflow ends the process instead of spoiling a
// neighbour.
char* mapStacks(size_t count, size_t bytes);

}  // namespace emulator
