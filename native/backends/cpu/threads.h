// Work shared among the threads of a pass, and the memory each of them has for itself.
#pragma once

#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/views.h"
#include "native/backends/training_kernel.h"
#include "native/core/aligned.h"

namespace facenet::cpu {

using train::Gradients;
using train::Pass;
using train::TrainContext;
using train::TrainKernel;

// At least `bytes` on a cache line that belong to the calling thread until it asks again; kept for the next
// kernel that it works on.
inline void* threadMemory(int64_t bytes) {
  thread_local AlignedArray<char> memory;
  thread_local int64_t size = 0;
  if (bytes > size) {
    memory.reset();
    memory = alignedArray<char>(bytes);
    size = bytes;
  }
  return memory.get();
}

// work(item) for every item of [0, items).
template <class Work>
void share(const Pass& pass, int64_t items, Work&& work) {
  if (items > 0) pass.threads->run(items, [&](int64_t item, int) { work(item); });
}

}  // namespace facenet::cpu
