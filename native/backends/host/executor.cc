#include "native/backends/host/executor.h"

#include <algorithm>

#include "native/core/aligned.h"
#include "native/core/cancel.h"
#include "native/core/integers.h"
#include "native/core/thread_pool.h"

namespace facenet {

struct HostExecutor::Lane {
  AlignedArray<unsigned char> arena;    // plan.arenaBytes x chunk
  AlignedArray<unsigned char> scratch;  // the most any kernel asks for
};

HostExecutor::HostExecutor(Plan plan, const Weights& weights, const HostBackend& backend, int threads)
    : plan_(std::move(plan)) {
  int64_t scratch = 0;
  for (const Step& step : plan_.steps) {
    kernels_.push_back(backend.makeKernel(plan_, step, weights));
    for (int64_t count = 1; count <= plan_.chunk; ++count)
      scratch = std::max(scratch, kernels_.back()->scratchBytes(count));
  }
  scratchBytes_ = scratch;
  pool_ = std::make_unique<ThreadPool>(threads);
  for (int i = 0; i < threads; ++i) lanes_.push_back(std::make_unique<Lane>());
}

HostExecutor::~HostExecutor() = default;

void HostExecutor::run(const void* input, int64_t count, const std::vector<float*>& outputs,
                       const std::atomic<int32_t>* cancelled) {
  FACENET_ASSERT(outputs.size() == plan_.outputs.size());
  if (count <= 0) return;
  const int64_t least = plan_.options.sharedMultiplyAdds * static_cast<int64_t>(plan_.steps.size());
  if (count < pool_->size() && plan_.multiplyAdds * count >= least) {
    for (int64_t first = 0; first < count; first += plan_.chunk)
      runTogether(memoryOf(*lanes_[0], input, outputs, first), std::min<int64_t>(plan_.chunk, count - first),
                  cancelled);
    return;
  }
  // Every thread gets the same number of chunks, as equal as they come and no larger than the plan's.
  const int64_t share = (count + pool_->size() - 1) / pool_->size();
  const int64_t rounds = ceilDivide(share, plan_.chunk);
  const int64_t chunk = ceilDivide(share, rounds);
  const int64_t chunks = ceilDivide(count, chunk);
  pool_->run(chunks, [&](int64_t item, int thread) {
    const int64_t first = item * chunk;
    Lane& lane = *lanes_[static_cast<size_t>(thread)];
    runChunk(lane, memoryOf(lane, input, outputs, first), std::min(chunk, count - first), cancelled);
  });
}

// A thread takes its arena when it has its first chunk, so that one which never works costs nothing.
ChunkMemory HostExecutor::memoryOf(Lane& lane, const void* input, const std::vector<float*>& outputs,
                                   int64_t first) const {
  if (!lane.arena) lane.arena = alignedArray<unsigned char>(plan_.arenaBytes * plan_.chunk);
  if (!lane.scratch) lane.scratch = alignedArray<unsigned char>(scratchBytes_);
  ChunkMemory memory;
  memory.arena = lane.arena.get();
  memory.input = static_cast<const unsigned char*>(input) + first * denseBytes(plan_.tensors[plan_.input]);
  for (size_t i = 0; i < outputs.size(); ++i)
    memory.outputs.push_back(outputs[i] + first * plan_.tensors[plan_.outputs[i]].shape.elements());
  return memory;
}

void HostExecutor::runChunk(Lane& lane, const ChunkMemory& memory, int64_t count,
                            const std::atomic<int32_t>* cancelled) const {
  for (size_t s = 0; s < plan_.steps.size(); ++s) {
    throwIfCancelled(cancelled);
    const Step& step = plan_.steps[s];
    kernels_[s]->run(viewsOf(plan_, step.inputs, count, memory), viewsOf(plan_, step.outputs, count, memory),
                     lane.scratch.get());
  }
}

// Every thread walks the steps; within a step they share its parts, and meet at its end.
void HostExecutor::runTogether(const ChunkMemory& memory, int64_t count,
                               const std::atomic<int32_t>* cancelled) {
  throwIfCancelled(cancelled);
  for (const auto& lane : lanes_)
    if (!lane->scratch) lane->scratch = alignedArray<unsigned char>(scratchBytes_);
  Team team(pool_->size(), cancelled);
  // An item for each thread: those that have one wait for the others, so none gets two.
  pool_->run(pool_->size(), [&](int64_t, int thread) {
    try {
      for (size_t s = 0; s < plan_.steps.size(); ++s) {
        const Step& step = plan_.steps[s];
        kernels_[s]->runTogether(viewsOf(plan_, step.inputs, count, memory),
                                 viewsOf(plan_, step.outputs, count, memory),
                                 lanes_[static_cast<size_t>(thread)]->scratch.get(), team);
      }
    } catch (...) {
      team.quit();
      throw;
    }
  });
}

std::vector<std::string> HostExecutor::describeKernels() const {
  std::vector<std::string> lines;
  for (const auto& kernel : kernels_) lines.push_back(kernel->describe());
  return lines;
}

// Prepared weights are as many values as the plan has parameters, in the plan's dtype.
int64_t HostExecutor::memoryBytes() const {
  return static_cast<int64_t>(lanes_.size()) * (plan_.arenaBytes * plan_.chunk + scratchBytes_) +
         plan_.parameters * static_cast<int64_t>(byteSize(plan_.options.dtype));
}

void planForCpu(PlanOptions& options) {
  if (options.dtype == DType::f16) throw invalidArgument("dtype", "f32 or bf16 on the CPU", "f16");
  options.fuseStem = false;
}

std::unique_ptr<Executor> HostBackend::makeExecutor(const Graph& graph, PlanOptions options,
                                                    const Weights& weights, int threads) const {
  return std::make_unique<HostExecutor>(makePlan(graph, options), weights, *this, threads);
}

}  // namespace facenet
