// What a kernel needs that C++ alone cannot say: launches and shared memory. With FACENET_EMULATOR the
// kernels are plain C++ that runs on the CPU (test/emulator).
#pragma once

#include <cuda_runtime.h>

#include "cuda/common/check.h"
#include "native/core/integers.h"

namespace facenet::cuda {

// What a block gets of dynamic shared memory without asking.
constexpr size_t kPlainSharedBytes = 48 * 1024;

// The blocks of a grid in x of which each has `each` of `count` things.
inline unsigned blocksOf(int64_t count, int64_t each) {
  const int64_t blocks = ceilDivide(count, each);
  FACENET_ASSERT(blocks < (int64_t{1} << 31));
  return static_cast<unsigned>(blocks);
}

// Kernel<<<grid, threads, sharedBytes, stream>>>(arguments...); throws where the launch fails.
template <auto Kernel, class... Arguments>
void launch(dim3 grid, dim3 threads, size_t sharedBytes, cudaStream_t stream, Arguments... arguments) {
  if (sharedBytes > kPlainSharedBytes)
    FACENET_CUDA_CHECK(cudaFuncSetAttribute(Kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(sharedBytes)));
#if defined(FACENET_EMULATOR)
  FACENET_CUDA_CHECK(emulator::launch<Kernel>(grid, threads, sharedBytes, stream, std::tuple(arguments...)));
#else
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = threads;
  config.dynamicSmemBytes = sharedBytes;
  config.stream = stream;
  FACENET_CUDA_CHECK(cudaLaunchKernelEx(&config, Kernel, arguments...));
#endif
}

// The block's one object of type T, not initialised. Two purposes need two types.
template <class T>
__device__ __forceinline__ T& shared() {
#if defined(FACENET_EMULATOR)
  static char key;
  return *static_cast<T*>(emulator::sharedObject(&key, sizeof(T), alignof(T)));
#else
  __shared__ T object;
  return object;
#endif
}

// The shared memory whose size the launch gives, aligned to 1024 bytes.
__device__ __forceinline__ char* dynamicShared() {
#if defined(FACENET_EMULATOR)
  return static_cast<char*>(emulator::dynamicSharedMemory());
#else
  extern __shared__ __align__(1024) char facenetDynamicShared[];
  return facenetDynamicShared;
#endif
}

// A value that other threads may be changing with atomics.
template <class T>
__device__ __forceinline__ T loadAtomic(const T* from) {
#if defined(FACENET_EMULATOR)
  return emulator::loadAtomic(from);
#else
  return *static_cast<const volatile T*>(from);
#endif
}

}  // namespace facenet::cuda
