// The CUDA runtime on the host: allocations, copies and fills.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "runtime.h"

using emulator::call;
using emulator::currentDevice;
using emulator::options;
using emulator::text;

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return call([&] {
    *total = static_cast<size_t>(options().deviceBytes);
    *free = *total - std::min(*total, emulator::allocatedBytes(currentDevice()));
    return cudaSuccess;
  });
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return call([&] {
    *pointer = nullptr;
    if (emulator::spoilsCapture()) return cudaErrorStreamCaptureUnsupported;
    emulator::trace(text("malloc ", bytes));
    if (bytes == 0) return cudaSuccess;
    if (options().failedAllocations > 0) {
      --options().failedAllocations;
      return cudaErrorMemoryAllocation;
    }
    *pointer = emulator::allocate(bytes, currentDevice());
    return *pointer ? cudaSuccess : cudaErrorMemoryAllocation;
  });
}
cudaError_t cudaFree(void* pointer) {
  return call([&] {
    if (!pointer) return cudaSuccess;
    if (emulator::spoilsCapture()) return cudaErrorStreamCaptureUnsupported;
    const cudaError_t drained = emulator::drainDevice();
    emulator::trace("free");
    return emulator::release(pointer) ? drained : cudaErrorInvalidValue;
  });
}

namespace {

// Pinned allocations by their begin.
std::map<const char*, size_t>& pinned() {
  static auto* allocations = new std::map<const char*, size_t>;
  return *allocations;
}

bool isPinned(const void* pointer, size_t bytes) {
  const auto* p = static_cast<const char*>(pointer);
  const auto after = pinned().upper_bound(p);
  return after != pinned().begin() && p + bytes <= std::prev(after)->first + std::prev(after)->second;
}

}  // namespace

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return call([&] {
    if (emulator::spoilsCapture()) return cudaErrorStreamCaptureUnsupported;
    *pointer = std::malloc(std::max<size_t>(bytes, 1));
    if (!*pointer) return cudaErrorMemoryAllocation;
    std::memset(*pointer, 0xff, bytes);
    pinned()[static_cast<char*>(*pointer)] = bytes;
    emulator::trace(text("pin ", bytes));
    return cudaSuccess;
  });
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault);
}
cudaError_t cudaFreeHost(void* pointer) {
  return call([&] {
    if (!pointer) return cudaSuccess;
    const cudaError_t drained = emulator::drainDevice();
    if (pinned().erase(static_cast<char*>(pointer)) == 0) return cudaErrorInvalidValue;
    std::free(pointer);
    return drained;
  });
}

namespace {

bool toDevice(cudaMemcpyKind kind) {
  return kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
}
bool fromDevice(cudaMemcpyKind kind) {
  return kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
}

cudaError_t copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const bool valid = (!toDevice(kind) || emulator::allocated(to, bytes)) &&
                     (!fromDevice(kind) || emulator::allocated(from, bytes));
  if (!valid) return emulator::refuse(cudaErrorInvalidValue, "a copy outside an allocation");
  std::memmove(to, from, bytes);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return call([&] {
    if (emulator::spoilsCapture()) return cudaErrorStreamCaptureUnsupported;
    const cudaError_t drained = emulator::drainBlocking();
    if (drained != cudaSuccess || bytes == 0) return drained;
    return copy(to, from, bytes, kind);
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call([&] {
    if (bytes == 0) return cudaSuccess;
    const bool staged =
        (toDevice(kind) || isPinned(to, bytes)) && (fromDevice(kind) || isPinned(from, bytes));
    if (!staged)
      return emulator::refuse(cudaErrorInvalidValue,
                              "an asynchronous copy of host memory that is not pinned");
    if ((toDevice(kind) && !emulator::allocated(to, bytes)) ||
        (fromDevice(kind) && !emulator::allocated(from, bytes)))
      return emulator::refuse(cudaErrorInvalidValue, "a copy outside an allocation");
    const char* direction = !toDevice(kind) ? "download" : fromDevice(kind) ? "copy" : "upload";
    return emulator::enqueue(
        text(direction, " ", bytes), [=] { return copy(to, from, bytes, kind); }, stream);
  });
}

namespace {

cudaError_t fill(void* to, int value, size_t bytes) {
  if (!emulator::allocated(to, bytes))
    return emulator::refuse(cudaErrorInvalidValue, "a fill outside an allocation");
  std::memset(to, value, bytes);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  return cudaMemsetAsync(to, value, bytes, nullptr);
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return call([&] {
    if (bytes == 0) return cudaSuccess;
    return emulator::enqueue(text("fill ", bytes), [=] { return fill(to, value, bytes); }, stream);
  });
}
cudaError_t cudaMemset2DAsync(void* to, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  return call([&] {
    if (width == 0 || height == 0) return cudaSuccess;
    return emulator::enqueue(
        text("fill ", height, " rows of ", width),
        [=] {
          for (size_t row = 0; row < height; ++row)
            if (const cudaError_t error = fill(static_cast<char*>(to) + row * pitch, value, width))
              return error;
          return cudaSuccess;
        },
        stream);
  });
}
