// CUDA kernels as C++ on the CPU. One block runs at a time, on one OS thread; each CUDA thread is a fiber
// that runs until it waits for others. Nothing here says anything about speed on a GPU.
//
// Kernels are compiled with -fsanitize=thread but without its runtime: the compiler then announces every load
// and store (__tsan_read4 and its like, in access.cc), so kernels need no annotations. What is wrong ends the
// launch with cudaErrorLaunchFailure, and cudaGetErrorString gives the report:
//   - an access outside every allocation, or misaligned; an index outside an array (-fsanitize=bounds)
//   - shared memory that two threads use, one of them writing, with no barrier in between (race.cc)
//   - shared memory used while a cp.async still fills it
//   - threads that meet at different barriers or collectives; a block that makes no progress
// Shared and global memory are born as NaN.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "include/cuda_runtime_api.h"
#include "tensor_core.h"

namespace emulator {

// The order in which a block's threads get their turns, and a grid its blocks. Also when streams work off what
// was put on them: forward, not before somebody waits for it; reverse, at once; shuffled, at any time between.
enum class Order { forward, reverse, shuffled };

struct Capability {
  int major, minor;
};

struct Options {
  Order order = Order::forward;
  uint64_t seed = 1;  // of Order::shuffled
  TensorCores tensorCores = TensorCores::nearest;
  bool countTransactions = false;  // shared-memory phases and global sectors; slow
  // What the machine looks like. driver 0: none is installed.
  int driver = 13000;
  std::vector<Capability> devices{{8, 0}};
  int multiprocessors = 2;
  int64_t deviceBytes = int64_t{1} << 30;  // of each device
  bool graphs = true;                      // false: capturing a stream fails
  int failedAllocations = 0;               // so many of the next cudaMalloc fail
  int failedLaunches = 0;                  // so many of the next kernels fail, which loses the device
  std::string trace;  // a file that gets a line for every kernel, copy, graph, allocation
};
Options& options();

// Takes options from the environment variable FACENET_EMULATOR where it has changed since the last time:
// "order=shuffled seed=3 tensor-cores=hopper devices=9.0,7.5 memory=1000000". Called by cudaGetDeviceCount and
// cudaSetDevice.
void readSettings();

struct Counters {
  int64_t globalBytesRead = 0, globalBytesWritten = 0;  // as the threads asked for them: caches do not exist
  int64_t mma = 0;                                      // mma.sync instructions, one per warp
  int64_t multiplyAdds = 0;                             // in them
  // With Options::countTransactions. A phase is one pass over the 32 banks of shared memory; `ideal` is what
  // the same accesses take without conflicts. Sectors are the 32-byte pieces of global memory that a warp
  // touches in one instruction.
  int64_t sharedPhases = 0, sharedPhasesIdeal = 0;
  int64_t globalSectors = 0, globalSectorsIdeal = 0;
};
Counters& counters();

// Runs thread(arguments) as every thread of every block. `arguments` is where the kernel's parameters lie.
struct Launch {
  const char* kernel;  // a signature that contains "Kernel = name"
  const void* function;
  int device;
  dim3 grid, block;
  size_t sharedBytes;
  void (*thread)(const void* arguments);
  const void* arguments;
  size_t argumentBytes;
};
std::string kernelName(const Launch& launch);
void run(const Launch& launch);  // by one thread at a time; runtime.h has the lock

// The report of the last launch that failed, empty where none has.
const std::string& lastReport();

}  // namespace emulator
