#include "native/backends/cuda/executor.h"

#include <algorithm>
#include <cstring>

#include "native/backends/cuda/runtime/staging.h"
#include "native/core/cancel.h"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

// What a chunk's arena should fit in, and the most images of one. Kernels of hundreds of images fill any
// device; larger chunks would only delay the overlap of copies and computation.
constexpr int64_t kMaxArenaBytes = int64_t{1} << 30;
constexpr int64_t kMaxChunk = 1024;

constexpr double kMegabyte = 1e6;

bool outOfMemory(const Error& error) {
  return error.code == ErrorCode::cudaOutOfMemory;
}

int64_t freeBytes() {
  size_t free = 0, total = 0;
  FACENET_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<int64_t>(free);
}

[[noreturn]] void throwOutOfMemory(const std::string& what, int64_t needed, const Device& device) {
  throw Error(ErrorCode::cudaOutOfMemory,
              text(what, " needs ", static_cast<double>(needed) / kMegabyte, " MB of memory on ", device.name,
                   ", where ", static_cast<double>(freeBytes()) / kMegabyte, " MB are free"));
}

}  // namespace

CudaExecutor::CudaExecutor(Plan plan, const Weights& weights, const Device& device, int threads)
    : plan_(std::move(plan)), device_(device), copiers_(std::min(threads, kMaxCopiers)) {
  plan_.chunk = std::clamp<int64_t>(kMaxArenaBytes / std::max<int64_t>(plan_.arenaBytes, 1), 1, kMaxChunk);
  maxImages_ = plan_.chunk;
  try {
    for (const Step& step : plan_.steps) {
      kernels_.push_back(makeCudaKernel(plan_, step, weights, device_));
      weightBytes_ += kernels_.back()->weightBytes();
    }
  } catch (const Error& error) {
    if (!outOfMemory(error)) throw;
    const int64_t bytes = plan_.parameters * static_cast<int64_t>(byteSize(plan_.options.dtype));
    kernels_.clear();
    throwOutOfMemory("The model " + plan_.name, bytes, device_);
  }
  memoryBytes_ = weightBytes_;
}

CudaExecutor::~CudaExecutor() {
  cudaSetDevice(device_.index);  // what the members hold is this device's
}

// Images of a chunk, with memory for them.
int64_t CudaExecutor::reserve(int64_t count) {
  const auto evenly = [&] {
    const int64_t rounds = ceilDivide(count, maxImages_);
    return ceilDivide(count, rounds);
  };
  if (workspace_ && evenly() <= workspace_->images) return evenly();
  graphs_.clear();
  workspace_.reset();
  const int64_t wanted = evenly();
  const int64_t image = plan_.arenaBytes + 2 * (inputBytes(plan_, 1) + outputBytes(plan_, 1)) +
                        scratchBytes(kernels_, wanted) / wanted;
  const int64_t fitting = std::max<int64_t>(freeBytes() / 10 * 9 / image, 1);
  if (fitting < wanted) maxImages_ = fitting;
  try {
    allocate(evenly());
  } catch (const Error& error) {
    if (!outOfMemory(error)) throw;
    maxImages_ = ceilDivide(evenly(), 2);
    try {
      allocate(evenly());
    } catch (const Error& again) {
      if (!outOfMemory(again)) throw;
      throwOutOfMemory(text("A batch of ", evenly(), evenly() == 1 ? " image" : " images"), evenly() * image,
                       device_);
    }
  }
  return evenly();
}

void CudaExecutor::allocate(int64_t images) {
  memoryBytes_ = weightBytes_;
  workspace_ = std::make_unique<Workspace>(plan_, images, scratchBytes(kernels_, images));
  memoryBytes_ = weightBytes_ + workspace_->bytes();
}

std::vector<CudaExecutor::Chunk> CudaExecutor::chunksOf(int64_t count) {
  const int64_t size = reserve(count);
  std::vector<Chunk> chunks;
  for (int64_t first = 0; first < count; first += size)
    chunks.push_back({first, std::min(size, count - first), static_cast<int>(chunks.size() % 2)});
  return chunks;
}

void CudaExecutor::run(const void* input, int64_t count, const std::vector<float*>& outputs,
                       const std::atomic<int32_t>* cancelled) {
  FACENET_ASSERT(outputs.size() == plan_.outputs.size());
  if (count <= 0) return;
  useDevice(device_);
  const std::vector<Chunk> chunks = chunksOf(count);
  try {
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i >= 2) collect(chunks[i - 2], outputs);
      submit(chunks[i], input, cancelled);
    }
    for (size_t i = chunks.size() - std::min<size_t>(chunks.size(), 2); i < chunks.size(); ++i)
      collect(chunks[i], outputs);
  } catch (...) {
    for (const Stream* stream : {&upload_, &compute_, &download_}) cudaStreamSynchronize(stream->get());
    throw;
  }
}

void CudaExecutor::submit(const Chunk& chunk, const void* input, const std::atomic<int32_t>* cancelled) {
  throwIfCancelled(cancelled);
  const Slot& slot = workspace_->slots[static_cast<size_t>(chunk.slot)];
  const int64_t bytes = inputBytes(plan_, chunk.count);
  const auto* from = static_cast<const unsigned char*>(input) + inputBytes(plan_, chunk.first);
  copyToStaging(copiers_, slot.pinnedInput.data(), from, bytes);
  FACENET_CUDA_CHECK(cudaMemcpyAsync(slot.input.data(), slot.pinnedInput.data(), static_cast<size_t>(bytes),
                                     cudaMemcpyHostToDevice, upload_.get()));
  upload_.record(slot.uploaded);

  compute_.waitFor(slot.uploaded);
  launchChunk(chunk, cancelled);
  compute_.record(slot.computed);

  download_.waitFor(slot.computed);
  FACENET_CUDA_CHECK(cudaMemcpyAsync(slot.pinnedOutputs.data(), slot.outputs.data(),
                                     static_cast<size_t>(outputBytes(plan_, chunk.count)),
                                     cudaMemcpyDeviceToHost, download_.get()));
  download_.record(slot.downloaded);
}

// Captured, or replayed, where its like has been there before.
void CudaExecutor::launchChunk(const Chunk& chunk, const std::atomic<int32_t>* cancelled) {
  const ChunkMemory memory = workspace_->memoryOf(plan_, chunk.slot, chunk.count);
  graphs_.run({chunk.slot, chunk.count}, compute_.get(), [&](bool capturing) {
    for (size_t s = 0; s < plan_.steps.size(); ++s) {
      if (!capturing) throwIfCancelled(cancelled);
      launchStep(s, chunk.count, memory);
    }
  });
}

void CudaExecutor::launchStep(size_t step, int64_t count, const ChunkMemory& memory) const {
  kernels_[step]->launch(viewsOf(plan_, plan_.steps[step].inputs, count, memory),
                         viewsOf(plan_, plan_.steps[step].outputs, count, memory), workspace_->scratch.data(),
                         compute_.get());
}

void CudaExecutor::collect(const Chunk& chunk, const std::vector<float*>& outputs) const {
  const Slot& slot = workspace_->slots[static_cast<size_t>(chunk.slot)];
  slot.downloaded.wait();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int64_t elements = plan_.tensors[static_cast<size_t>(plan_.outputs[i])].shape.elements();
    std::memcpy(outputs[i] + chunk.first * elements,
                slot.pinnedOutputs.data() + outputOffset(plan_, i, chunk.count),
                static_cast<size_t>(chunk.count * elements) * sizeof(float));
  }
}

std::vector<std::string> CudaExecutor::describeKernels() const {
  std::vector<std::string> lines;
  for (const auto& kernel : kernels_) lines.push_back(kernel->describe());
  return lines;
}

}  // namespace facenet::cuda
