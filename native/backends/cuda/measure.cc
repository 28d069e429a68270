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
  // Chunks beyond the second read the images of the first two: times do not depend on what is in them.
  const std::vector<Chunk> chunks = chunksOf(count);
  for (size_t i = 0; i < std::min<size_t>(chunks.size(), 2); ++i)
    copyToDevice(workspace_->slots[i].input.data(),
                 static_cast<const unsigned char*>(input) + inputBytes(plan_, chunks[i].first),
                 static_cast<size_t>(inputBytes(plan_, chunks[i].count)));

  const Mark begin, end;
  std::vector<double> wholes;
  for (int i = 0; i < warmUp + repeats; ++i) {
    begin.record(compute_);
    for (const Chunk& chunk : chunks) launchChunk(chunk, nullptr);
    end.record(compute_);
    end.wait();
    if (i >= warmUp) wholes.push_back(end.secondsSince(begin));
  }

  const size_t stepCount = plan_.steps.size();
  const std::vector<Mark> marks(chunks.size() * stepCount + 1);
  std::vector<std::vector<double>> steps(stepCount);
  for (int i = 0; i < warmUp + repeats; ++i) {
    marks.front().record(compute_);
    const Mark* next = marks.data();
    for (const Chunk& chunk : chunks) {
      const ChunkMemory memory = workspace_->memoryOf(plan_, chunk.slot, chunk.count);
      for (size_t s = 0; s < stepCount; ++s) {
        launchStep(s, chunk.count, memory);
        (++next)->record(compute_);
      }
    }
    marks.back().wait();
    for (size_t s = 0; s < stepCount && i >= warmUp; ++s) {
      double seconds = 0;
      for (size_t m = s; m + 1 < marks.size(); m += stepCount) seconds += marks[m + 1].secondsSince(marks[m]);
      steps[s].push_back(seconds);
    }
  }

  RunTimes times{median(std::move(wholes)), {}};
  for (std::vector<double>& values : steps) times.steps.push_back(median(std::move(values)));
  return times;
}

}  // namespace facenet::cuda
