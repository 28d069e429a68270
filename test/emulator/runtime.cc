// The CUDA runtime on the host: devices, errors, memory and launches. Streams and graphs are in streams.cc.
#include "runtime.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "include/cuda_runtime.h"

namespace emulator {
namespace {

thread_local cudaError_t lastError = cudaSuccess;
thread_local std::string lastWords;

}  // namespace

std::recursive_mutex& runtimeMutex() {
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}

int& currentDevice() {
  static thread_local int device = 0;
  return device;
}

cudaError_t& lostTo() {
  static cudaError_t error = cudaSuccess;
  return error;
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) lastError = error;
  return error;
}

cudaError_t refuse(cudaError_t error, const std::string& why) {
  lastWords = why;
  return error;
}

void trace(const std::string& line) {
  if (options().trace.empty()) return;
  if (FILE* file = std::fopen(options().trace.c_str(), "a")) {
    std::fprintf(file, "%s\n", line.c_str());
    std::fclose(file);
  }
}

}  // namespace emulator

using emulator::call;
using emulator::currentDevice;
using emulator::options;
using emulator::text;

namespace {

bool deviceExists(int device) {
  return device >= 0 && static_cast<size_t>(device) < options().devices.size();
}

// What a block may ask for at most, in KiB: the CUDA C++ programming guide's table of compute capabilities.
size_t sharedLimit(emulator::Capability capability) {
  if (capability.major >= 9) return 227 * 1024;
  if (capability.major == 8) return (capability.minor == 0 || capability.minor == 7 ? 163 : 99) * 1024;
  return (capability.major == 7 && capability.minor == 0 ? 96 : 64) * 1024;
}

cudaError_t countDevices(int* count) {
  emulator::readSettings();
  *count = 0;
  if (options().driver == 0) return cudaErrorInsufficientDriver;
  int runtime;
  cudaRuntimeGetVersion(&runtime);
  if (options().driver < runtime) return cudaErrorInsufficientDriver;
  *count = static_cast<int>(options().devices.size());
  return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}

}  // namespace

cudaError_t cudaGetLastError() {
  const std::lock_guard lock(emulator::runtimeMutex());
  const cudaError_t error = std::exchange(emulator::lastError, cudaSuccess);
  return emulator::lostTo() != cudaSuccess ? emulator::lostTo() : error;
}
cudaError_t cudaPeekAtLastError() {
  const std::lock_guard lock(emulator::runtimeMutex());
  return emulator::lostTo() != cudaSuccess ? emulator::lostTo() : emulator::lastError;
}
const char* cudaGetErrorString(cudaError_t error) {
  static thread_local std::string words;
  const std::lock_guard lock(emulator::runtimeMutex());
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorInsufficientDriver: return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorNotSupported: return "operation not supported";
    case cudaErrorLaunchFailure: words = emulator::lastReport(); return words.c_str();
    default:
      words = emulator::lastWords.empty() ? text("error ", static_cast<int>(error)) : emulator::lastWords;
      return words.c_str();
  }
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  const std::lock_guard lock(emulator::runtimeMutex());
  emulator::readSettings();
  *version = options().driver;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  return call([&] { return countDevices(count); });
}
cudaError_t cudaGetDevice(int* device) {
  *device = currentDevice();
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return call([&] {
    emulator::readSettings();
    if (!deviceExists(device)) return cudaErrorInvalidDevice;
    currentDevice() = device;
    return cudaSuccess;
  });
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call([&] {
    if (!deviceExists(device)) return cudaErrorInvalidDevice;
    const emulator::Capability capability = options().devices[static_cast<size_t>(device)];
    *properties = {"CUDA emulator",           static_cast<size_t>(options().deviceBytes),
                   capability.major,          capability.minor,
                   options().multiprocessors, sharedLimit(capability)};
    return cudaSuccess;
  });
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call([&] {
    if (!deviceExists(device)) return cudaErrorInvalidDevice;
    *value = attribute == cudaDevAttrMultiProcessorCount
                 ? options().multiprocessors
                 : static_cast<int>(sharedLimit(options().devices[static_cast<size_t>(device)]));
    return cudaSuccess;
  });
}

namespace {

// What cudaFuncSetAttribute has allowed a kernel.
std::map<const void*, size_t>& allowedShared() {
  static auto* allowed = new std::map<const void*, size_t>;
  return *allowed;
}

cudaError_t allowShared(const void* kernel, cudaFuncAttribute attribute, int value) {
  const size_t limit = sharedLimit(options().devices[static_cast<size_t>(currentDevice())]);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0) return cudaErrorInvalidValue;
  if (static_cast<size_t>(value) > limit)
    return emulator::refuse(cudaErrorInvalidValue, text("at most ", limit, " bytes of shared memory"));
  allowedShared()[kernel] = static_cast<size_t>(value);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return call([&] { return allowShared(kernel, attribute, value); });
}

namespace emulator {

cudaError_t checkLaunch(const Launch& launch) {
  constexpr size_t kWithoutAsking = 48 * 1024;
  const size_t threads = size_t{launch.block.x} * launch.block.y * launch.block.z;
  const bool possible = threads > 0 && threads <= kMaxThreads && launch.grid.x > 0 && launch.grid.y > 0 &&
                        launch.grid.z > 0 && launch.grid.x <= 0x7fffffffu && launch.grid.y <= 65535 &&
                        launch.grid.z <= 65535 && launch.sharedBytes <= kMaxSharedBytes;
  if (!possible) return cudaErrorInvalidConfiguration;
  if (launch.sharedBytes > std::max(kWithoutAsking, allowedShared()[launch.function]))
    return refuse(cudaErrorInvalidValue, "more dynamic shared memory than cudaFuncSetAttribute has allowed");
  return cudaSuccess;
}

}  // namespace emulator

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
    return emulator::enqueue(
        text("fill ", bytes), [=] { return fill(to, value, bytes); }, stream);
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
