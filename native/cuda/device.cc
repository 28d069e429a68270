#include "native/cuda/device.h"

#include <algorithm>

#include "cuda/check.h"

namespace facenet::cuda {
namespace {

std::string versionText(int version) {
  return text(version / 1000, ".", version % 1000 / 10);
}

bool usable(const Device& device) {
  return device.major >= minimumMajor;
}

std::vector<Device> listDevices(int count) {
  std::vector<Device> devices;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    FACENET_CUDA_CHECK(cudaGetDeviceProperties(&properties, i));
    devices.push_back({i, properties.name, properties.major, properties.minor,
                       static_cast<int64_t>(properties.totalGlobalMem)});
  }
  return devices;
}

std::string reasonOf(const Status& status, cudaError_t counted) {
  if (status.driverVersion == 0) return "no NVIDIA driver is installed";
  if (counted == cudaErrorInsufficientDriver)
    return text("the NVIDIA driver supports CUDA ", versionText(status.driverVersion),
                ", this build needs CUDA ", versionText(status.runtimeVersion));
  if (counted == cudaErrorNoDevice || (counted == cudaSuccess && status.devices.empty()))
    return "the NVIDIA driver finds no CUDA device";
  if (counted != cudaSuccess) return text("the CUDA runtime reports: ", cudaGetErrorString(counted));
  if (std::ranges::any_of(status.devices, usable)) return "";
  const Device& first = status.devices.front();
  return text(first.name, " has compute capability ", first.major, ".", first.minor, ", ", minimumMajor,
              ".0 is the least that works");
}

}  // namespace

Status queryStatus() {
  Status status;
  FACENET_CUDA_CHECK(cudaRuntimeGetVersion(&status.runtimeVersion));
  FACENET_CUDA_CHECK(cudaDriverGetVersion(&status.driverVersion));
  int count = 0;
  const cudaError_t counted = cudaGetDeviceCount(&count);
  cudaGetLastError();  // not having a device is an answer here, not an error for the next call to find
  if (counted == cudaSuccess) status.devices = listDevices(count);
  status.reason = reasonOf(status, counted);
  return status;
}

Device requireDevice() {
  const Status status = queryStatus();
  if (!status.reason.empty())
    throw Error("ERR_FACENET_CUDA_UNAVAILABLE", "No CUDA device can be used: " + status.reason, "device",
                "a CUDA device", status.reason);
  const Device device = *std::ranges::find_if(status.devices, usable);
  FACENET_CUDA_CHECK(cudaSetDevice(device.index));
  return device;
}

}  // namespace facenet::cuda
