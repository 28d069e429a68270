// The backends of this build.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "native/backends/backend.h"

namespace facenet {

enum class DeviceKind : uint8_t { cuda, cpu, reference };

// `deviceIndex`: of CUDA; the first device that can be used where it is negative. The reference backend serves
// DeviceKind::cpu in a build without oneDNN. Throws ERR_FACENET_CUDA_UNAVAILABLE, and ERR_FACENET_INVALID_ARGUMENT where
// there is no device of that index.
const Backend& backendOf(DeviceKind kind, int deviceIndex = -1);

struct CudaDeviceInfo {
  int index;
  std::string name, computeCapability;
  int64_t memoryBytes;
};
struct CudaInfo {
  int runtime, driver;                  // versions: 1000 * major + 10 * minor; driver 0: none is installed
  std::string architectures;            // that there are kernels for, with commas between them
  std::vector<CudaDeviceInfo> devices;  // that can be used
  std::string reason;                   // why there is none
};
struct BuildInfo {
  std::string oneDnn;            // its version; empty: built without, so bf16 convolutions run in fp32
  std::string isa = "baseline";  // what the CPU backend runs with here
  std::optional<CudaInfo> cuda;  // of a build with CUDA
};
BuildInfo buildInfo();

}  // namespace facenet
