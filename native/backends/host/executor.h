// Runs a plan on the CPU: cuts a batch into chunks, gives each thread its own arena, walks the steps. Fewer images than
// threads are computed by all threads together, layer by layer, with the same results, where there is enough to share.
#pragma once

#include "native/backends/host/backend.h"

namespace facenet {

class ThreadPool;  // core/thread_pool.h

class HostExecutor final : public Executor {
 public:
  HostExecutor(Plan plan, const Weights& weights, const HostBackend& backend, int threads);
  ~HostExecutor() override;

  // `cancelled` is read between layers.
  void run(const void* input, int64_t count, const std::vector<float*>& outputs,
           const std::atomic<int32_t>* cancelled) override;

  const Plan& plan() const override { return plan_; }
  std::vector<std::string> describeKernels() const override;
  int64_t memoryBytes() const override;

 private:
  struct Lane;  // one thread's arena and scratch
  void runChunk(Lane& lane, const ChunkMemory& memory, int64_t count,
                const std::atomic<int32_t>* cancelled) const;
  void runTogether(const ChunkMemory& memory, int64_t count, const std::atomic<int32_t>* cancelled);
  ChunkMemory memoryOf(Lane& lane, const void* input, const std::vector<float*>& outputs,
                       int64_t first) const;

  Plan plan_;
  int64_t scratchBytes_ = 0;
  std::vector<std::unique_ptr<Kernel>> kernels_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace facenet
