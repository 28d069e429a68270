// The CUDA runtime on the host: include/cuda_runtime_api.h.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cuda_runtime.h"
#include "memory.h"

struct EmulatedStream {};
struct EmulatedEvent {};

namespace {

cudaError_t lastError = cudaSuccess;

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) lastError = error;
  return error;
}

cudaError_t requireValue(bool valid) {
  return remember(valid ? cudaSuccess : cudaErrorInvalidValue);
}

}  // namespace

namespace emulator {

cudaError_t tryRun(const Launch& launch) {
  const size_t threads = size_t{launch.block.x} * launch.block.y * launch.block.z;
  const bool possible = threads > 0 && threads <= kMaxThreads && launch.grid.x > 0 && launch.grid.y > 0 &&
                        launch.grid.z > 0 && launch.grid.y <= 65535 && launch.grid.z <= 65535 &&
                        launch.sharedBytes <= kMaxSharedBytes;
  if (!possible) return remember(cudaErrorInvalidConfiguration);
  run(launch);
  return remember(block.report.empty() ? cudaSuccess : cudaErrorLaunchFailure);
}

}  // namespace emulator

cudaError_t cudaGetLastError() {
  return std::exchange(lastError, cudaSuccess);
}
cudaError_t cudaPeekAtLastError() {
  return lastError;
}
const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorLaunchFailure:
      return emulator::lastReport().c_str();
    default:
      return "invalid argument";
  }
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  return cudaRuntimeGetVersion(version);
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return remember(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  *properties = {"CUDA emulator", static_cast<size_t>(emulator::options().deviceBytes), 8, 0, 2};
  return cudaSetDevice(device);
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  *value = attribute == cudaDevAttrMultiProcessorCount ? 2 : static_cast<int>(emulator::kMaxSharedBytes);
  return cudaSetDevice(device);
}
cudaError_t cudaDeviceSynchronize() {
  return lastError;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *total = static_cast<size_t>(emulator::options().deviceBytes);
  *free = *total - emulator::allocatedBytes();
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  *pointer = bytes > 0 ? emulator::allocate(bytes) : nullptr;
  return remember(*pointer || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation);
}
cudaError_t cudaFree(void* pointer) {
  return requireValue(!pointer || emulator::release(pointer));
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return cudaMallocHost(pointer, bytes);
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  *pointer = std::malloc(bytes);
  return remember(*pointer || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeHost(void* pointer) {
  std::free(pointer);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return cudaSuccess;
  const bool toDevice = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool fromDevice = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool valid =
      (!toDevice || emulator::allocated(to, bytes)) && (!fromDevice || emulator::allocated(from, bytes));
  if (valid) std::memmove(to, from, bytes);
  return requireValue(valid);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  const bool valid = bytes == 0 || emulator::allocated(to, bytes);
  if (valid && bytes > 0) std::memset(to, value, bytes);
  return requireValue(valid);
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t) {
  return cudaMemset(to, value, bytes);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return cudaStreamCreate(stream);
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = new EmulatedStream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return lastError;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return cudaEventCreate(event);
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new EmulatedEvent;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) {
  return lastError;
}
cudaError_t cudaEventQuery(cudaEvent_t) {
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0;  // the emulator has no notion of time
  return cudaSuccess;
}
