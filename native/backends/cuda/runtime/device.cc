#include "native/backends/cuda/runtime/device.h"

#include <algorithm>
#include <iterator>

#include "cuda/common/check.h"

namespace facenet::cuda {
namespace {

std::string versionText(int version) {
  return text(version / 1000, ".", version % 1000 / 10);
}

std::vector<Device> listDevices(int count) {
  std::vector<Device> devices;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    FACENET_CUDA_CHECK(cudaGetDeviceProperties(&properties, i));
    devices.push_back({i, properties.name, properties.major, properties.minor,
                       static_cast<int64_t>(properties.totalGlobalMem), properties.multiProcessorCount,
                       static_cast<int64_t>(properties.sharedMemPerBlockOptin)});
  }
  return devices;
}

bool usable(const Device& device) {
  return device.major >= minimumMajor;
}

std::string tooOld(const Device& device) {
  return text(
      device.name, " has compute capability ", device.major, ".", device.minor, ", ", minimumMajor,
      ".0 is needed: older devices have no asynchronous copies to shared memory and no bf16 products");
}

// Why there is no usable device among those found.
std::string reasonOf(const Status& status, cudaError_t counted) {
  if (status.driverVersion == 0) return "no NVIDIA driver is installed";
  if (counted == cudaErrorInsufficientDriver)
    return text("the NVIDIA driver supports CUDA ", versionText(status.driverVersion),
                ", this build needs CUDA ", versionText(status.runtimeVersion));
  if (counted == cudaErrorNoDevice || (counted == cudaSuccess && status.found.empty()))
    return "the NVIDIA driver finds no CUDA device";
  if (counted != cudaSuccess) return text("the CUDA runtime reports: ", cudaGetErrorString(counted));
  return tooOld(status.found.front());
}

Status askRuntime() {
  Status status;
  FACENET_CUDA_CHECK(cudaRuntimeGetVersion(&status.runtimeVersion));
  FACENET_CUDA_CHECK(cudaDriverGetVersion(&status.driverVersion));
  int count = 0;
  const cudaError_t counted = cudaGetDeviceCount(&count);
  cudaGetLastError();  // not having a device is an answer here, not an error for the next call to find
  status.found = listDevices(counted == cudaSuccess ? count : 0);
  std::ranges::copy_if(status.found, std::back_inserter(status.devices), usable);
  if (status.devices.empty()) status.reason = reasonOf(status, counted);
  return status;
}

[[noreturn]] void throwUnavailable(const std::string& reason) {
  throw Error(ErrorCode::cudaUnavailable, "No CUDA device can be used: " + reason, "device", "a CUDA device",
              reason);
}

const Device& chooseDevice(int index) {
  const Status& status = queryStatus();
  if (!status.reason.empty()) throwUnavailable(status.reason);
  if (index < 0) return status.devices.front();
  if (static_cast<size_t>(index) >= status.found.size())
    throw invalidArgument("deviceIndex", text("0..", status.found.size() - 1, ", the CUDA devices here"),
                          text(index));
  const Device& device = status.found[static_cast<size_t>(index)];
  if (!usable(device)) throwUnavailable(tooOld(device));
  return device;
}

}  // namespace

const Status& queryStatus() {
  static const Status status = askRuntime();
  return status;
}

void useDevice(const Device& device) {
  if (deviceLost) throwUnavailable("an error has lost CUDA to this process, which must restart to use it");
  FACENET_CUDA_CHECK(cudaSetDevice(device.index));
}

const Device& requireDevice(int index) {
  const Device& device = chooseDevice(index);
  useDevice(device);
  return device;
}

}  // namespace facenet::cuda
