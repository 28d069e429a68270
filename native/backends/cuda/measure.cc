// How long runs take by the device's own clock.
#include <algorithm>

#include "native/backends/cuda/executor.h"

namespace facenet::cuda {
namespace {

// A point in a stream's work whose time is kept.
class Mark {
 public:
  Mark() { FACENET_CUDA_CHECK(cudaEventCreate(&event_)); }
  ~Mark() { cudaEventDestroy(event_); }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

  void record(const Stream& stream) const { FACENET_CUDA_CHECK(cudaEventRecord(event_, stream.get())); }
  void wait() const { FACENET_CUDA_CHECK(cudaEventSynchronize(event_)); }
  double secondsSince(const Mark& start) const {
    float milliseconds = 0;
    FACENET_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start.event_, event_));
    return milliseconds / 1e3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The first runs load code, choose clocks and capture the graph.
constexpr int warmUp = 3;

}  // namespace

RunTimes CudaExecutor::measure(const void* input, int64_t count, int repeats) {
  FACENET_ASSERT(count > 0 && repeats > 0);
  useDevice(device_);
  if (const int64_t images = reserve(count); images < count)
    throw invalidArgument("count", text("at most ", images, ", one chunk,"), text(count));
  const Chunk chunk{0, count, 0};
  const Slot& slot = workspace_->slots[0];
  copyToDevice(slot.input.data(), input, static_cast<size_t>(inputBytes(plan_, count)));

  const Mark begin, end;
  std::vector<double> wholes;
  for (int i = 0; i < warmUp + repeats; ++i) {
    begin.record(compute_);
    graphs_.run({chunk.slot, chunk.count}, compute_.get(), [&](bool) { launchSteps(chunk, nullptr); });
    end.record(compute_);
    end.wait();
    if (i >= warmUp) wholes.push_back(end.secondsSince(begin));
  }

  const ChunkMemory memory = workspace_->memoryOf(plan_, chunk.slot, count);
  const std::vector<Mark> marks(plan_.steps.size() + 1);
  std::vector<std::vector<double>> steps(plan_.steps.size());
  for (int i = 0; i < warmUp + repeats; ++i) {
    marks.front().record(compute_);
    for (size_t s = 0; s < steps.size(); ++s) {
      launchStep(s, count, memory);
      marks[s + 1].record(compute_);
    }
    marks.back().wait();
    for (size_t s = 0; s < steps.size() && i >= warmUp; ++s)
      steps[s].push_back(marks[s + 1].secondsSince(marks[s]));
  }

  RunTimes times{median(std::move(wholes)), {}};
  for (std::vector<double>& values : steps) times.steps.push_back(median(std::move(values)));
  return times;
}

}  // namespace facenet::cuda
