// What compilers call before every load and store with -fsanitize=thread, and where an index leaves its array
// with -fsanitize=bounds.
#include "memory.h"

using emulator::Access;

#define PLACE __builtin_return_address(0)
#define FACENET_ACCESS(bytes)                         \
  void __tsan_read##bytes(void* p) {                  \
    emulator::access(p, bytes, Access::read, PLACE);  \
  }                                                   \
  void __tsan_write##bytes(void* p) {                 \
    emulator::access(p, bytes, Access::write, PLACE); \
  }                                                   \
  void __tsan_volatile_read##bytes(void* p) {         \
    emulator::access(p, bytes, Access::read, PLACE);  \
  }                                                   \
  void __tsan_volatile_write##bytes(void* p) {        \
    emulator::access(p, bytes, Access::write, PLACE); \
  }                                                   \
  void __tsan_unaligned_read##bytes(void* p) {        \
    emulator::access(p, bytes, Access::read, PLACE);  \
  }                                                   \
  void __tsan_unaligned_write##bytes(void* p) {       \
    emulator::access(p, bytes, Access::write, PLACE); \
  }

extern "C" {

FACENET_ACCESS(1)
FACENET_ACCESS(2)
FACENET_ACCESS(4)
FACENET_ACCESS(8)
FACENET_ACCESS(16)
void __tsan_read_range(void* p, size_t bytes) {
  emulator::access(p, bytes, Access::read, PLACE);
}
void __tsan_write_range(void* p, size_t bytes) {
  emulator::access(p, bytes, Access::write, PLACE);
}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}

// Atomics of host code that is compiled with kernels.
char __tsan_atomic8_load(const volatile char* p, int) {
  return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}
void __tsan_atomic8_store(volatile char* p, char value, int) {
  __atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

void __ubsan_handle_out_of_bounds(void*, uintptr_t index) {
  if (emulator::runsBlock && emulator::block.current)
    emulator::fail(emulator::text("out of bounds: index ", index, " of an array"));
}
}
