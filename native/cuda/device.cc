#include "native/cuda/device.h"

#include <algorithm>
#include <iterator>

#include "cuda/check.h"

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
                       static_cast<int64_t>(properties.totalGlobalMem)});
  }
  return devices;
}

// Why there is no usable device among those found.
std::string reasonOf(const Status& status, cudaError_t counted, const std::vector<Device>& found) {
  if (status.driverVersion == 0) return "no NVIDIA driver is installed";
  if (counted == cudaErrorInsufficientDriver)
    return text("the NVIDIA driver supports CUDA ", versionText(status.driverVersion),
                ", this build needs CUDA ", versionText(status.runtimeVersion));
  if (counted == cudaErrorNoDevice || (counted == cudaSuccess && found.empty()))
    return "the NVIDIA driver finds no CUDA device";
  if (counted != cudaSuccess) return text("the CUDA runtime reports: ", cudaGetErrorString(counted));
  const Device& first = found.front();
  return text(first.name, " has compute capability ", first.major, ".", first.minor,
              ", the least that works is ", minimumMajor, ".0");
}

Status askRuntime() {
  Status status;
  FACENET_CUDA_CHECK(cudaRuntimeGetVersion(&status.runtimeVersion));
  FACENET_CUDA_CHECK(cudaDriverGetVersion(&status.driverVersion));
  int count = 0;
  const cudaError_t counted = cudaGetDeviceCount(&count);
  cudaGetLastError();  // not having a device is an answer here, not an error for the next call to find
  const std::vector<Device> found = listDevices(counted == cudaSuccess ? count : 0);
  std::ranges::copy_if(found, std::back_inserter(status.devices),
                       [](const Device& device) { return device.major >= minimumMajor; });
  if (status.devices.empty()) status.reason = reasonOf(status, counted, found);
  return status;
}

}  // namespace

const Status& queryStatus() {
  static const Status status = askRuntime();
  return status;
}

const Device& requireDevice() {
  const Status& status = queryStatus();
  if (!status.reason.empty())
    throw Error("ERR_FACENET_CUDA_UNAVAILABLE", "No CUDA device can be used: " + status.reason, "device",
                "a CUDA device", status.reason);
  FACENET_CUDA_CHECK(cudaSetDevice(status.devices.front().index));
  return status.devices.front();
}

}  // namespace facenet::cuda
