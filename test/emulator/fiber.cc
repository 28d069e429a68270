#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#if defined(__x86_64__)
extern "C" void facenetSwitchStack(void** save, void* load);
asm(R"(
.text
.type facenetSwitchStack, @function
facenetSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size facenetSwitchStack, .-facenetSwitchStack
)");
#endif

namespace emulator {

#if defined(__x86_64__)
void prepare(Fiber& fiber, char* stack, size_t bytes, void (*entry)()) {
  auto* top = reinterpret_cast<uintptr_t*>(stack + bytes);
  *--top = 0;  // where a return address would be: the ABI wants rsp = 8 mod 16 at a function's start
  *--top = reinterpret_cast<uintptr_t>(entry);
  for (int saved = 0; saved < 6; ++saved) *--top = 0;
  fiber.stackPointer = top;
}

void switchFiber(Fiber& from, Fiber& to) {
  facenetSwitchStack(&from.stackPointer, to.stackPointer);
}
#else
void prepare(Fiber& fiber, char* stack, size_t bytes, void (*entry)()) {
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = stack;
  fiber.context.uc_stack.ss_size = bytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, entry, 0);
}

void switchFiber(Fiber& from, Fiber& to) {
  swapcontext(&from.context, &to.context);
}
#endif

char* mapStacks(size_t count, size_t bytes) {
  constexpr size_t kPage = 4096;
  void* stacks = mmap(nullptr, count * bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stacks == MAP_FAILED) throw std::bad_alloc();
  auto* first = static_cast<char*>(stacks);
  for (size_t i = 0; i < count; ++i) mprotect(first + i * bytes, kPage, PROT_NONE);
  return first;
}

}  // namespace emulator
