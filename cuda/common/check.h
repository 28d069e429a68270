// CUDA runtime errors as exceptions.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>

#include "native/core/error.h"

namespace facenet::cuda {

// Whether an error has destroyed the device's context: then every later call of this process fails too. Errors that
// not every toolkit has a name for are told by their numbers.
inline bool losesDevice(cudaError_t status) {
  constexpr int kNvlinkUncorrectable = 220, kContained = 226, kTensorMemoryLeak = 721,
                kMpsClientTerminated = 810;
  switch (static_cast<int>(status)) {
    case kNvlinkUncorrectable:
    case kContained:
    case kTensorMemoryLeak:
    case kMpsClientTerminated:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
    case cudaErrorUnknown: return true;
    default: return false;
  }
}
inline std::atomic<bool> deviceLost{false};

inline void check(cudaError_t status, const char* expression, const char* file, int line) {
  if (status == cudaSuccess) return;
  const std::string what =
      text("CUDA: ", cudaGetErrorString(status), " (", expression, " at ", file, ":", line, ")");
  cudaGetLastError();  // the next call should not report this error again
  if (losesDevice(status)) {
    deviceLost = true;
    throw Error(ErrorCode::internal, what + ". This process has lost CUDA: restart it to use CUDA again");
  }
  throw Error(status == cudaErrorMemoryAllocation ? ErrorCode::cudaOutOfMemory : ErrorCode::internal, what);
}

}  // namespace facenet::cuda

#define FACENET_CUDA_CHECK(expression) ::facenet::cuda::check((expression), #expression, __FILE__, __LINE__)
