#include "native/backends/backends.h"

#include "native/backends/reference/backend.h"
#ifndef FACENET_WITHOUT_CPU  // as in the emulator, whose tests compare CUDA with the reference
#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/isa.h"
#endif
#ifdef FACENET_CUDA
#include "native/backends/cuda/backend.h"
#endif

namespace facenet {

const Backend& backendOf(DeviceKind kind, [[maybe_unused]] int deviceIndex) {
  if (kind == DeviceKind::cuda) {
#ifdef FACENET_CUDA
    return cuda::backendOf(deviceIndex);
#else
    throw Error(ErrorCode::cudaUnavailable, "No CUDA device can be used: this build has no CUDA", "device");
#endif
  }
#ifndef FACENET_WITHOUT_CPU
  static const cpu::CpuBackend cpu;
  if (kind == DeviceKind::cpu) return cpu;
#endif
  static const reference::ReferenceBackend reference;
  return reference;
}

BuildInfo buildInfo() {
  BuildInfo info;
#ifndef FACENET_WITHOUT_CPU
  info.oneDnn = cpu::oneDnnVersion();
  info.isa = cpu::isaName();
#endif
#ifdef FACENET_CUDA
  info.cuda = cuda::info();
#endif
  return info;
}

}  // namespace facenet
