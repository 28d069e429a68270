// Runs a plan on the CPU: cuts a batch into chunks, gives each thread its own arena, walks the steps.
#pragma once

#include <atomic>
#include <functional>

#include "graph/kernel.h"

namespace facenet {

class ThreadPool;  // core/thread_pool.h

class Executor {
 public:
  Executor(Plan plan, const Weights& weights, KernelFactory factory, int threads);
  ~Executor();

  // input: count images of the plan's input shape and dtype. outputs[i]: count x elements of output i, f32,
  // dense. `cancelled` (may be null) is read between layers; when it turns non-zero the run stops with
  // ERR_FACENET_ABORTED. The result of an image does not depend on its position or on the batch it is in.
  void run(const void* input, int64_t count, const std::vector<float*>& outputs,
           const std::atomic<int32_t>* cancelled);

  const Plan& plan() const { return plan_; }
  std::vector<std::string> describeKernels() const;
  int64_t memoryBytes() const;  // arenas and scratch; prepared weights are the kernels' own

 private:
  struct Lane;  // one thread's arena and scratch
  void runChunk(Lane& lane, const void* input, int64_t first, int64_t count,
                const std::vector<float*>& outputs, const std::atomic<int32_t>* cancelled) const;

  Plan plan_;
  int64_t scratchBytes_ = 0;
  std::vector<std::unique_ptr<Kernel>> kernels_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace facenet
