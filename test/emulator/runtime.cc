// The CUDA runtime on the host: devices, errors and launches. Memory is in runtime_memory.cc, streams and graphs in
// streams.cc.
#include "runtime.h"

#include <algorithm>
#include <cstdio>
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
