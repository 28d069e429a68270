// The block that runs now: its threads, where they wait, and its shared memory.
#pragma once

#include <array>
#include <cstddef>
#include <source_location>
#include <sstream>
#include <string>
#include <vector>

#include "emulator.h"
#include "fiber.h"

namespace emulator {

constexpr unsigned kWarp = 32;
constexpr size_t kMaxThreads = 1024;
constexpr size_t kStackBytes = 128 * 1024;      // of a thread
constexpr size_t kMaxSharedBytes = 227 * 1024;  // sm_90; a kernel for sm_80 has 163 KiB
using Where = std::source_location;

// A cp.async that has been issued: `bytes` from `from` and zeros up to `size`.
struct AsyncCopy {
  char* to;
  const char* from;
  size_t bytes, size;
};

struct Thread {
  enum class State { ready, atBarrier, atCollective, done };
  Fiber fiber;
  State state = State::ready;
  unsigned linear = 0;
  uint3 index{};
  char* stack = nullptr;
  // Where it waits, and for whom.
  const char* what = "";
  Where where;
  unsigned mask = 0;
  void* slot = nullptr;
  std::vector<AsyncCopy> issued;                  // not yet committed
  std::vector<std::vector<AsyncCopy>> committed;  // oldest group first

  unsigned lane() const { return linear % kWarp; }
  unsigned warp() const { return linear / kWarp; }
};

struct Block {
  const Launch* launch = nullptr;
  std::vector<Thread> threads;
  Thread* current = nullptr;  // null while the scheduler runs
  bool exchanging = false;  // the current thread does the work of a collective: what it touches is no access
  unsigned waiting = 0;     // at the barrier
  unsigned barriers = 0;    // passed by the whole block
  std::array<unsigned, kMaxThreads / kWarp> warpBarriers{};  // __syncwarp of whole warps
  std::string report;
};
extern Block block;

// Whether this OS thread runs the block. Host code beside kernels is compiled like them, and other threads may
// be in it meanwhile.
extern thread_local bool runsBlock __attribute__((tls_model("initial-exec")));

unsigned currentLane();

// Where a thread of the block waits for all others.
void barrier(const char* what, Where where);

// Where the lanes of `mask` meet. Each brings a slot; the last to come runs exchange(slots by lane), then all
// go on.
using Exchange = void (*)(void** slots, unsigned mask);
void meet(const char* what, unsigned mask, void* slot, Exchange exchange, Where where);

// Ends the launch with a report about the current thread.
[[noreturn]] void fail(const std::string& what);

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}
std::string text(const Where& where);

// Shared memory. Objects are told apart by `key`, one a type; the dynamic part stands behind them.
void* sharedObject(const void* key, size_t bytes, size_t alignment);
void* dynamicSharedMemory();

}  // namespace emulator
