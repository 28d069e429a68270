// CUDA runtime errors as exceptions.
#pragma once

#include <cuda_runtime_api.h>

#include "core/error.h"

namespace facenet::cuda {

inline void check(cudaError_t status, const char* expression, const char* file, int line) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the next call should not report this error again
  throw Error(status == cudaErrorMemoryAllocation ? "ERR_FACENET_CUDA_OOM" : "ERR_FACENET_INTERNAL",
              text("CUDA: ", cudaGetErrorString(status), " (", expression, " at ", file, ":", line, ")"));
}

}  // namespace facenet::cuda

#define FACENET_CUDA_CHECK(expression) ::facenet::cuda::check((expression), #expression, __FILE__, __LINE__)
