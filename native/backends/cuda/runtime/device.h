// Which CUDA devices there are, and why none is used where none is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace facenet::cuda {

// The oldest compute capability that the kernels are built for.
constexpr int minimumMajor = 8;

struct Device {
  int index;
  std::string name;
  int major, minor;  // compute capability
  int64_t memoryBytes;
  int multiprocessors;
  int64_t sharedBytes;  // the most shared memory that a block can have
};

struct Status {
  int runtimeVersion = 0;       // 1000 * major + 10 * minor, as CUDA counts
  int driverVersion = 0;        // the newest CUDA that the driver supports; 0: no driver
  std::vector<Device> found;    // all that there are, by index
  std::vector<Device> devices;  // those that can be used
  std::string reason;           // why no device can be used; empty where one can
};

// Asked once a process: the first call starts the driver, which takes a good part of a second.
const Status& queryStatus();

// The device of that index, the first usable one where it is negative, made the calling thread's current one.
// Throws ERR_FACENET_CUDA_UNAVAILABLE with the reason where it cannot be used, ERR_FACENET_INVALID_ARGUMENT
// where there is none of that index.
const Device& requireDevice(int index = -1);

// Makes `device` the calling thread's current one. Throws ERR_FACENET_CUDA_UNAVAILABLE once an error has lost
// CUDA to this process.
void useDevice(const Device& device);

}  // namespace facenet::cuda
