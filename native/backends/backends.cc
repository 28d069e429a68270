#include "native/backends/backends.h"

#include "native/backends/reference/backend.h"
#ifdef FACENET_ONEDNN
#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/isa.h"
#endif
#ifdef FACENET_CUDA
#include "native/backends/cuda/backend.h"
#endif

namespace facenet {
namespace {

#ifndef FACENET_ONEDNN
// Takes what the CPU backend takes, so that a model which opens here opens in a build with oneDNN too.
class ReferenceForCpu final : public reference::ReferenceBackend {
 public:
  std::unique_ptr<Executor> makeExecutor(const Graph& graph, PlanOptions options, const Weights& weights,
                                         int threads) const override {
    planForCpu(options);
    return ReferenceBackend::makeExecutor(graph, options, weights, threads);
  }
};
#endif

}  // namespace

const Backend& backendOf(DeviceKind kind, [[maybe_unused]] int deviceIndex) {
  if (kind == DeviceKind::cuda) {
#ifdef FACENET_CUDA
    return cuda::backendOf(deviceIndex);
#else
    throw Error(ErrorCode::cudaUnavailable, "No CUDA device can be used: this build has no CUDA", "device");
#endif
  }
#ifdef FACENET_ONEDNN
  static const cpu::CpuBackend cpu;
#else
  static const ReferenceForCpu cpu;
#endif
  if (kind == DeviceKind::cpu) return cpu;
  static const reference::ReferenceBackend reference;
  return reference;
}

BuildInfo buildInfo() {
  BuildInfo info;
#ifdef FACENET_ONEDNN
  info.oneDnn = cpu::oneDnnVersion();
  info.isa = cpu::isaName();
#endif
#ifdef FACENET_CUDA
  info.cuda = cuda::info();
#endif
  return info;
}

}  // namespace facenet
