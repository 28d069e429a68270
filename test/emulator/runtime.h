// What the parts of the host's CUDA runtime share: the lock, errors, the trace.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "memory.h"

namespace emulator {

// Held by every function of the runtime while it works, and so by every kernel: one runs at a time.
std::recursive_mutex& runtimeMutex();

// The device that this thread has chosen.
int& currentDevice();

// The error that has lost the devices to this process; cudaSuccess: none has.
cudaError_t& lostTo();

// Remembers an error for cudaGetLastError.
cudaError_t remember(cudaError_t error);
// The same with words for cudaGetErrorString.
cudaError_t refuse(cudaError_t error, const std::string& why);

// A line for the file that Options::trace names.
void trace(const std::string& line);

// Runs a function of the runtime. Once the device is lost, everything is refused.
template <class Body>
cudaError_t call(Body body) {
  const std::lock_guard lock(runtimeMutex());
  return remember(lostTo() == cudaSuccess ? body() : lostTo());
}

// Puts work on a stream; on the null stream it runs at once. `what` is for the trace.
using Work = std::function<cudaError_t()>;
cudaError_t enqueue(const std::string& what, Work work, cudaStream_t stream);

// Works off everything on the streams of the current device, as cudaFree does before it frees.
cudaError_t drainDevice();
// Works off what the null stream waits for: the streams that were not created as non-blocking.
cudaError_t drainBlocking();
// Whether a device would take a launch.
cudaError_t checkLaunch(const Launch& launch);

// Whether this thread captures a stream; then the capture is invalid from now on.
bool spoilsCapture();

}  // namespace emulator
