// Streams and events that end with their scope. Streams do not wait for the null stream.
#pragma once

#include <utility>

#include "cuda/common/check.h"

namespace facenet::cuda {

class Stream;

// A point in a stream's work.
class Event {
 public:
  Event() { FACENET_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void wait() const { FACENET_CUDA_CHECK(cudaEventSynchronize(event_)); }

 private:
  friend class Stream;
  cudaEvent_t event_ = nullptr;
};

class Stream {
 public:
  Stream() { FACENET_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t get() const { return stream_; }
  // `event` stands for what is on the stream now.
  void record(const Event& event) const { FACENET_CUDA_CHECK(cudaEventRecord(event.event_, stream_)); }
  // What is put on the stream from now on waits for `event`.
  void waitFor(const Event& event) const {
    FACENET_CUDA_CHECK(cudaStreamWaitEvent(stream_, event.event_, 0));
  }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace facenet::cuda
