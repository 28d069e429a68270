#include "native/backends/cpu/backend.h"

#ifdef FACENET_ONEDNN
#include <dnnl_version.h>
#endif

#include "native/backends/cpu/isa.h"

namespace facenet::cpu {

std::string oneDnnVersion() {
#ifdef FACENET_ONEDNN
  return text(DNNL_VERSION_MAJOR, ".", DNNL_VERSION_MINOR, ".", DNNL_VERSION_PATCH);
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
