// Runs a plan on a CUDA device. A batch goes through in chunks: while one is computed, the next is uploaded and
// the last one's outputs come back.
//
// Memory on the device: the weights, uploaded once; one arena and one scratch for the chunk that is computed;
// inputs and outputs of two chunks, with as much pinned memory beside them. Arena and staging are as large as
// the largest chunk so far asked for, and no larger than what is free allows.
#pragma once

#include "native/backends/cuda/kernel.h"
#include "native/backends/cuda/runtime/graph.h"
#include "native/backends/cuda/runtime/stream.h"
#include "native/backends/cuda/workspace.h"
#include "native/core/thread_pool.h"
#include "native/graph/executor.h"

namespace facenet::cuda {

// Of the plans that it runs: 16 bytes hold whole pixels' channels.
constexpr int64_t channelAlignment = 8;

class CudaExecutor final : public Executor {
 public:
  // `threads` copy images to pinned memory. Throws ERR_FACENET_CUDA_OOM where the weights do not fit.
  CudaExecutor(Plan plan, const Weights& weights, const Device& device, int threads);
  ~CudaExecutor() override;

  // `cancelled` is read between chunks, and between layers while they are launched one by one. Throws
  // ERR_FACENET_CUDA_OOM where not even half a chunk fits; the executor can be used afterwards.
  void run(const void* input, int64_t count, const std::vector<float*>& outputs,
           const std::atomic<int32_t>* cancelled) override;

  RunTimes measure(const void* input, int64_t count, int repeats) override;

  const Plan& plan() const override { return plan_; }
  std::vector<std::string> describeKernels() const override;
  int64_t memoryBytes() const override { return memoryBytes_; }

 private:
  struct Chunk {
    int64_t first, count;
    int slot;
  };
  int64_t reserve(int64_t count);
  std::vector<Chunk> chunksOf(int64_t count);
  void allocate(int64_t images);
  void submit(const Chunk& chunk, const void* input, const std::atomic<int32_t>* cancelled);
  void collect(const Chunk& chunk, const std::vector<float*>& outputs) const;
  void launchChunk(const Chunk& chunk, const std::atomic<int32_t>* cancelled);
  void launchStep(size_t step, int64_t count, const ChunkMemory& memory) const;

  Plan plan_;
  Device device_;
  std::vector<std::unique_ptr<DeviceKernel>> kernels_;
  int64_t weightBytes_ = 0;
  std::atomic<int64_t> memoryBytes_ = 0;
  int64_t maxImages_;  // of a chunk; falls where memory is short
  ThreadPool copiers_;
  Stream upload_, compute_, download_;
  std::unique_ptr<Workspace> workspace_;  // null until the first run, and after memory ran out
  GraphCache graphs_;
};

}  // namespace facenet::cuda
