// Finds uses of shared memory that no barrier orders, in whatever order the threads happen to run. For each
// byte: the last write, the last read, and whether others read since the same barrier. __syncthreads orders a
// block, __syncwarp of all lanes a warp. Atomics do not come here.
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
  Use write, read;
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

void addRead(Use& read, const Thread& self) {
  Use next = useOf(self);
  if (sinceBarrier(read)) {
    const bool sameWarp = read.thread / kWarp == self.warp();
    next.severalWarps = read.severalWarps || !sameWarp;
    next.severalLanes =
        sameWarp && sinceWarpBarrier(read) && (read.severalLanes || read.thread != self.linear);
  }
  read = next;
}

}  // namespace

void startRaces() {
  ++generation;
}

bool ordered(size_t offset, size_t bytes, Access kind, unsigned* other) {
  const Thread& self = *block.current;
  for (size_t i = offset; i < offset + bytes; ++i) {
    Cell& cell = cells[i];
    const bool write = kind == Access::write;
    const Use* clash = conflicts(cell.write, self)           ? &cell.write
                       : write && conflicts(cell.read, self) ? &cell.read
                                                             : nullptr;
    if (clash) {
      *other = clash->thread;
      return false;
    }
    if (write)
      cell.write = useOf(self);
    else
      addRead(cell.read, self);
  }
  return true;
}

}  // namespace emulator
