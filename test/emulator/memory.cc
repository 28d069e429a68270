#include "memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

namespace emulator {
namespace {

constexpr size_t kGuard = 256;
constexpr int kNaN = 0xff;  // of every byte: a NaN in fp32, bf16 and fp16, -1 in integers

struct Allocation {
  size_t bytes;
  int device;
};
// Never destroyed: what other threads still free when the process ends is found here.
auto& allocations = *new std::map<const char*, Allocation>;
auto& totalBytes = *new std::map<int, size_t>;  // by device

struct SharedObject {
  const void* key;  // null: the dynamic part
  size_t begin, end;
};
std::vector<SharedObject> objects;
alignas(1024) char shared[kMaxSharedBytes];
std::vector<bool> pending(kMaxSharedBytes);  // a cp.async still fills this byte

// This program's own variables: threadIdx and tables of constants.
extern "C" char __ehdr_start __attribute__((visibility("hidden")));
extern "C" char _end __attribute__((visibility("hidden")));
bool inProgram(const char* p) {
  return p >= &__ehdr_start && p < &_end;
}

bool within(const char* p, size_t bytes, const void* begin, size_t size) {
  const auto* first = static_cast<const char*>(begin);
  return p >= first && p + bytes <= first + size;
}

void place(std::vector<SharedObject>& into, const void* key, size_t bytes, size_t alignment) {
  const size_t end = into.empty() ? 0 : into.back().end;
  const size_t begin = (end + alignment - 1) / alignment * alignment;
  if (begin + bytes > kMaxSharedBytes) fail(text("more than ", kMaxSharedBytes, " bytes of shared memory"));
  into.push_back({key, begin, begin + bytes});
}

const char* verb(Access kind) {
  return isRead(kind) ? "reads" : "writes";
}

void accessShared(const char* p, size_t bytes, Access kind) {
  const size_t offset = static_cast<size_t>(p - shared);
  const bool inside = std::ranges::any_of(
      objects, [&](const SharedObject& o) { return offset >= o.begin && offset + bytes <= o.end; });
  const std::string what = "shared memory";
  if (!inside) fail(text("out of bounds: ", verb(kind), " ", bytes, " bytes at ", offset, " of ", what));
  for (size_t i = offset; i < offset + bytes; ++i)
    if (pending[i])
      fail(text("missing wait: ", verb(kind), " ", what, " at ", i, " that a cp.async still fills"));
  unsigned other = 0;
  if (!ordered(offset, bytes, kind, &other))
    fail(text("race: ", verb(kind), " ", what, " at ", offset, ", which thread ", other,
              " has used with no barrier in between,"));
}

void accessGlobal(const char* p, size_t bytes, Access kind) {
  auto after = allocations.upper_bound(p);
  if (after == allocations.begin())
    fail(text("out of bounds: ", verb(kind), " ", bytes, " bytes at an address before all allocations"));
  const auto& [begin, allocation] = *std::prev(after);
  if (!within(p, bytes, begin, allocation.bytes))
    fail(text("out of bounds: ", verb(kind), " ", bytes, " bytes at ", p - begin, " of an allocation of ",
              allocation.bytes, " bytes"));
  if (allocation.device != block.launch->device)
    fail(text("memory of device ", allocation.device, " used on device ", block.launch->device));
  (isRead(kind) ? counters().globalBytesRead : counters().globalBytesWritten) += static_cast<int64_t>(bytes);
}

}  // namespace

Counters& counters() {
  static Counters instance;
  return instance;
}

char* allocate(size_t bytes, int device) {
  if (totalBytes[device] + bytes > static_cast<size_t>(options().deviceBytes)) return nullptr;
  const size_t padded = (bytes + kGuard - 1) / kGuard * kGuard;
  auto* memory = static_cast<char*>(std::aligned_alloc(kGuard, padded + 2 * kGuard));
  if (!memory) return nullptr;
  std::memset(memory, kNaN, padded + 2 * kGuard);
  allocations[memory + kGuard] = {bytes, device};
  totalBytes[device] += bytes;
  return memory + kGuard;
}

bool release(void* pointer) {
  const auto found = allocations.find(static_cast<char*>(pointer));
  if (found == allocations.end()) return false;
  totalBytes[found->second.device] -= found->second.bytes;
  allocations.erase(found);
  std::free(static_cast<char*>(pointer) - kGuard);
  return true;
}

bool allocated(const void* pointer, size_t bytes) {
  const auto* p = static_cast<const char*>(pointer);
  const auto after = allocations.upper_bound(p);
  if (after == allocations.begin()) return false;
  const auto& [begin, allocation] = *std::prev(after);
  return within(p, bytes, begin, allocation.bytes);
}

size_t allocatedBytes(int device) {
  return totalBytes[device];
}

void startSharedMemory(size_t dynamicBytes) {
  const size_t used = objects.empty() ? kMaxSharedBytes : objects.back().end;
  std::memset(shared, kNaN, used);
  std::fill_n(pending.begin(), used, false);
  objects.clear();
  objects.push_back({nullptr, 0, dynamicBytes});
  std::memset(shared, kNaN, dynamicBytes);
  startRaces();
}

bool inSharedMemory(const void* pointer) {
  return within(static_cast<const char*>(pointer), 1, shared, kMaxSharedBytes);
}

void* sharedObject(const void* key, size_t bytes, size_t alignment) {
  const auto found = std::ranges::find(objects, key, &SharedObject::key);
  if (found != objects.end()) return shared + found->begin;
  place(objects, key, bytes, alignment);
  std::memset(shared + objects.back().begin, kNaN, bytes);
  return shared + objects.back().begin;
}

void* dynamicSharedMemory() {
  return shared;
}

void access(const void* pointer, size_t bytes, Access kind, const void* place) {
  if (!runsBlock || !block.current || block.exchanging) return;
  const auto* p = static_cast<const char*>(pointer);
  const Launch& launch = *block.launch;
  if (within(p, bytes, block.current->stack, kStackBytes) || (inProgram(p) && !inSharedMemory(p))) return;
  if (within(p, bytes, launch.arguments, launch.argumentBytes)) return;
  if (std::has_single_bit(bytes) && reinterpret_cast<uintptr_t>(p) % bytes != 0 && bytes <= 16)
    fail(text("misaligned: ", verb(kind), " ", bytes, " bytes at ", pointer));
  const bool isShared = inSharedMemory(p);
  isShared ? accessShared(p, bytes, kind) : accessGlobal(p, bytes, kind);
  if (options().countTransactions && !isAtomic(kind)) recordTransaction(pointer, bytes, isShared, place);
}

void atomicAccess(const void* pointer, size_t bytes, bool read) {
  access(pointer, bytes, read ? Access::atomicRead : Access::atomicWrite, nullptr);
}

void readMatrixRow(const void* row, size_t bytes) {
  if (!inSharedMemory(row)) fail("ldmatrix from an address outside shared memory");
  if (reinterpret_cast<uintptr_t>(row) % bytes != 0) fail("misaligned: ldmatrix");
  accessShared(static_cast<const char*>(row), bytes, Access::read);
}

void issueCopy(const AsyncCopy& copy, const void* place) {
  if (!inSharedMemory(copy.to)) fail("cp.async to an address outside shared memory");
  if (copy.bytes > 0 && reinterpret_cast<uintptr_t>(copy.from) % copy.size != 0)
    fail(text("misaligned: cp.async reads ", copy.size, " bytes at ", static_cast<const void*>(copy.from)));
  access(copy.to, copy.size, Access::write, place);
  if (copy.bytes > 0) access(copy.from, copy.bytes, Access::read, static_cast<const char*>(place) + 1);
  std::memset(copy.to, kNaN, copy.size);
  std::fill_n(pending.begin() + (copy.to - shared), copy.size, true);
}

void finishCopy(const AsyncCopy& copy) {
  std::memcpy(copy.to, copy.from, copy.bytes);
  std::memset(copy.to + copy.bytes, 0, copy.size - copy.bytes);
  const auto offset = static_cast<size_t>(copy.to - shared);
  std::fill_n(pending.begin() + static_cast<std::ptrdiff_t>(offset), copy.size, false);
  unsigned other;
  ordered(offset, copy.size, Access::write, &other);  // now is when this thread writes: others need a barrier
}

}  // namespace emulator
