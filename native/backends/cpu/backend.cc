#include "native/backends/cpu/backend.h"

#ifdef FACENET_ONEDNN
#include <dnnl.h>
#endif

#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/isa.h"

namespace facenet::cpu {

std::string oneDnnVersion() {
#ifdef FACENET_ONEDNN
  const dnnl_version_t* const found = dnnl_version();  // the one that is loaded
  const std::string version = text(found->major, ".", found->minor, ".", found->patch);
  try {
    if (bf16Products() == Bf16Products::none || oneDnnIsRight()) return version;
  } catch (const Error&) {
    return version;  // isaName says what is wrong with FACENET_ISA
  }
  return version + ", whose bf16 convolutions are wrong: they run in fp32";
#else
  return "";
#endif
}

std::unique_ptr<Executor> CpuBackend::makeExecutor(const Graph& graph, PlanOptions options,
                                                   const Weights& weights, int threads) const {
  planForCpu(options);
  return HostBackend::makeExecutor(graph, options, weights, threads);
}

void CpuBackend::optimize(const Optimizer& optimizer, const Update& update, const WeightSpan& span) const {
  isa().optimize(optimizer, update, span);
}

}  // namespace facenet::cpu
