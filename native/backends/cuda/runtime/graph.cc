#include "native/backends/cuda/runtime/graph.h"

#include <algorithm>

namespace facenet::cuda {
namespace {

// A batch size takes two, one per slot, in training six; the last chunk of a batch is another size.
constexpr size_t kMaxEntries = 16;

// Ends the capture also where `launch` throws. Null where the stream could not be captured.
OwnedGraph<cudaGraph_t> capture(cudaStream_t stream, const GraphCache::Launch& launch) {
  if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) return nullptr;
  bool launched = true;
  try {
    launch(true);
  } catch (const Error&) {
    launched = false;  // the plain launch that follows throws it again if it is not of the capture
  }
  cudaGraph_t graph = nullptr;
  const bool ended = cudaStreamEndCapture(stream, &graph) == cudaSuccess;
  OwnedGraph<cudaGraph_t> captured(graph);
  return launched && ended ? std::move(captured) : nullptr;
}

OwnedGraph<cudaGraphExec_t> instantiate(cudaStream_t stream, const GraphCache::Launch& launch) {
  const OwnedGraph<cudaGraph_t> graph = capture(stream, launch);
  cudaGraphExec_t exec = nullptr;
  if (!graph || cudaGraphInstantiate(&exec, graph.get(), 0) != cudaSuccess) exec = nullptr;
  cudaGetLastError();  // not being able to is no error: the launches stay plain
  return OwnedGraph<cudaGraphExec_t>(exec);
}

}  // namespace

GraphCache::Entry* GraphCache::touch(const Key& key) {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return &entries_.front();
  }
  entries_.push_front({.key = key});
  if (entries_.size() > kMaxEntries) entries_.pop_back();
  return nullptr;
}

void GraphCache::run(const Key& key, cudaStream_t stream, const Launch& launch) {
  Entry* entry = touch(key);
  if (entry && !entry->tried) {
    entry->replay = instantiate(stream, launch);
    entry->tried = true;
  }
  if (entry && entry->replay)
    FACENET_CUDA_CHECK(cudaGraphLaunch(entry->replay.get(), stream));
  else
    launch(false);
}

}  // namespace facenet::cuda
