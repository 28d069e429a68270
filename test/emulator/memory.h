// What the emulator knows of memory: allocations on the device, the block's shared memory, every access.
#pragma once

#include <cstddef>
#include <cstdint>

#include "block.h"

namespace emulator {

// Atomics of different threads need no barrier between them, but one towards plain uses of the same bytes.
enum class Access { read, write, atomicRead, atomicWrite };
constexpr bool isRead(Access kind) {
  return kind == Access::read || kind == Access::atomicRead;
}
constexpr bool isAtomic(Access kind) {
  return kind == Access::atomicRead || kind == Access::atomicWrite;
}

// Global memory: allocations with a guard around them, filled with NaN. Null where the device is full.
char* allocate(size_t bytes, int device);
bool release(void* pointer);  // false: not an allocation
bool allocated(const void* pointer, size_t bytes);
size_t allocatedBytes(int device);

// Shared memory of the block that starts, all NaN and unused.
void startSharedMemory(size_t dynamicBytes);
bool inSharedMemory(const void* pointer);

// An access of the current thread: checked, counted. `place` tells instructions apart (a code address).
void access(const void* pointer, size_t bytes, Access kind, const void* place);
// The same of a row that ldmatrix reads; its banks are counted with the whole matrix.
void readMatrixRow(const void* row, size_t bytes);

// cp.async: the target is NaN and must not be touched from issue until its copy is done.
void issueCopy(const AsyncCopy& copy, const void* place);
void finishCopy(const AsyncCopy& copy);

// Transactions (transactions.cc): accesses of one instruction by the lanes of a warp are put together, the
// k-th of each lane with the k-th of the others.
void recordTransaction(const void* pointer, size_t bytes, bool shared, const void* place);
void countSharedPass(const uintptr_t* addresses, size_t count, size_t bytes);
void finishTransactions();

// Races (race.cc). False, with the other thread, where nothing orders the two accesses.
void startRaces();
bool ordered(size_t offset, size_t bytes, Access kind, unsigned* other);

}  // namespace emulator
