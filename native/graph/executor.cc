#include "graph/executor.h"

#include <algorithm>

#include "core/aligned.h"
#include "core/cancel.h"
#include "core/thread_pool.h"

namespace facenet {

struct Executor::Lane {
  AlignedArray<unsigned char> arena;    // plan.arenaBytes x chunk
  AlignedArray<unsigned char> scratch;  // the most any kernel asks for
};

Executor::Executor(Plan plan, const Weights& weights, KernelFactory factory, int threads)
    : plan_(std::move(plan)) {
  int64_t scratch = 0;
  for (const Step& step : plan_.steps) {
    kernels_.push_back(factory(plan_, step, weights));
    for (int64_t count = 1; count <= plan_.chunk; ++count)
      scratch = std::max(scratch, kernels_.back()->scratchBytes(count));
  }
  scratchBytes_ = scratch;
  pool_ = std::make_unique<ThreadPool>(threads);
  for (int i = 0; i < threads; ++i) lanes_.push_back(std::make_unique<Lane>());
}

Executor::~Executor() = default;

void Executor::run(const void* input, int64_t count, const std::vector<float*>& outputs,
                   const std::atomic<int32_t>* cancelled) {
  FACENET_ASSERT(outputs.size() == plan_.outputs.size());
  if (count <= 0) return;
  // Every thread gets the same number of chunks, as equal as they come and no larger than the plan's.
  const int64_t share = (count + pool_->size() - 1) / pool_->size();
  const int64_t rounds = (share + plan_.chunk - 1) / plan_.chunk;
  const int64_t chunk = (share + rounds - 1) / rounds;
  const int64_t chunks = (count + chunk - 1) / chunk;
  pool_->run(chunks, [&](int64_t item, int thread) {
    const int64_t first = item * chunk;
    runChunk(*lanes_[static_cast<size_t>(thread)], input, first, std::min(chunk, count - first), outputs,
             cancelled);
  });
}

void Executor::runChunk(Lane& lane, const void* input, int64_t first, int64_t count,
                        const std::vector<float*>& outputs, const std::atomic<int32_t>* cancelled) const {
  // A thread takes its arena when it has its first chunk, so that one which never works costs nothing.
  if (!lane.arena) {
    lane.arena = alignedArray<unsigned char>(plan_.arenaBytes * plan_.chunk);
    lane.scratch = alignedArray<unsigned char>(scratchBytes_);
  }
  const auto base = [&](int index) -> unsigned char* {
    const PlannedTensor& tensor = plan_.tensors[static_cast<size_t>(index)];
    const int64_t skipped = first * tensor.shape.elements() * static_cast<int64_t>(byteSize(tensor.dtype));
    if (index == plan_.input) return static_cast<unsigned char*>(const_cast<void*>(input)) + skipped;
    for (size_t i = 0; i < outputs.size(); ++i)
      if (plan_.outputs[i] == index) return reinterpret_cast<unsigned char*>(outputs[i]) + skipped;
    const PlannedBuffer& buffer = plan_.buffers[static_cast<size_t>(tensor.buffer)];
    return lane.arena.get() + buffer.offset * count +
           tensor.channelOffset * static_cast<int64_t>(byteSize(tensor.dtype));
  };
  const auto view = [&](int index) -> View {
    const PlannedTensor& tensor = plan_.tensors[static_cast<size_t>(index)];
    return {base(index), tensor.dtype, count, tensor.shape, tensor.pixelStride};
  };
  std::vector<View> ins, outs;
  for (size_t s = 0; s < plan_.steps.size(); ++s) {
    throwIfCancelled(cancelled);
    ins.clear();
    outs.clear();
    for (int index : plan_.steps[s].inputs) ins.push_back(view(index));
    for (int index : plan_.steps[s].outputs) outs.push_back(view(index));
    kernels_[s]->run(ins, outs, lane.scratch.get());
  }
}

std::vector<std::string> Executor::describeKernels() const {
  std::vector<std::string> lines;
  for (const auto& kernel : kernels_) lines.push_back(kernel->describe());
  return lines;
}

int64_t Executor::memoryBytes() const {
  return static_cast<int64_t>(lanes_.size()) * (plan_.arenaBytes * plan_.chunk + scratchBytes_);
}

}  // namespace facenet
