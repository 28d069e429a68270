// Finds uses of shared memory that no barrier orders, in whatever order the threads happen to run. For each
// byte: the last write, read and atomic, and whether others have read since the same barrier. __syncthreads orders a
// block, __syncwarp of all lanes a warp. Atomics are ordered among themselves, not with other uses.
#include <vector>

#include "memory.h"

namespace emulator {
namespace {

// Who used a byte and when. A block's generation keeps uses of earlier blocks apart.
struct Use {
  unsigned generation = 0, barriers = 0, warpBarriers = 0;
  unsigned thread = 0;
  bool severalLanes = false, severalWarps = false;
};
struct Cell {
  Use write, read, atomic;
};
std::vector<Cell> cells(kMaxSharedBytes);
unsigned generation = 0;

// Nothing stands between this use and now, for a thread of another warp.
bool sinceBarrier(const Use& use) {
  return use.generation == generation && use.barriers == block.barriers;
}
bool sinceWarpBarrier(const Use& use) {
  return use.warpBarriers == block.warpBarriers[use.thread / kWarp];
}

bool conflicts(const Use& use, const Thread& self) {
  if (!sinceBarrier(use)) return false;
  if (use.severalWarps || use.thread / kWarp != self.warp()) return true;
  return sinceWarpBarrier(use) && (use.severalLanes || use.thread != self.linear);
}

Use useOf(const Thread& self) {
  return {generation, block.barriers, block.warpBarriers[self.warp()], self.linear};
}

// Of several threads since the last barrier.
void addUse(Use& use, const Thread& self) {
  Use next = useOf(self);
  if (sinceBarrier(use)) {
    const bool sameWarp = use.thread / kWarp == self.warp();
    next.severalWarps = use.severalWarps || !sameWarp;
    next.severalLanes = sameWarp && sinceWarpBarrier(use) && (use.severalLanes || use.thread != self.linear);
  }
  use = next;
}

// What of a byte's past has to come before this use and may not have.
const Use* clashOf(const Cell& cell, Access kind, const Thread& self) {
  if (conflicts(cell.write, self)) return &cell.write;
  if (kind != Access::read && conflicts(cell.read, self)) return &cell.read;
  if (!isAtomic(kind) && conflicts(cell.atomic, self)) return &cell.atomic;
  return nullptr;
}

}  // namespace

void startRaces() {
  ++generation;
}

bool ordered(size_t offset, size_t bytes, Access kind, unsigned* other) {
  const Thread& self = *block.current;
  for (size_t i = offset; i < offset + bytes; ++i) {
    Cell& cell = cells[i];
    if (const Use* clash = clashOf(cell, kind, self)) {
      *other = clash->thread;
      return false;
    }
    if (kind == Access::write)
      cell.write = useOf(self);
    else
      addUse(isAtomic(kind) ? cell.atomic : cell.read, self);
  }
  return true;
}

}  // namespace emulator
