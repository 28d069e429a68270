#include "native/graph/plan.h"

#include <algorithm>

#include "native/graph/passes.h"

namespace facenet {

int64_t chunkFor(int64_t arenaBytes, int64_t cacheBytes) {
  return std::clamp<int64_t>(cacheBytes / std::max<int64_t>(arenaBytes, 1), 1, maxChunk);
}

int64_t arenaOffset(const Plan& plan, const PlannedTensor& tensor) {
  const int64_t offset = plan.buffers[tensor.buffer].offset;
  return offset < 0 ? -1 : offset + tensor.channelOffset * static_cast<int64_t>(byteSize(tensor.dtype));
}

Plan makePlan(const Graph& graph, const PlanOptions& options) {
  if (options.dtype == DType::u8) throw invalidArgument("dtype", "f32, bf16 or f16", "u8");
  Plan plan = planNodes(graph, options);
  if (options.fold) plan = foldNorms(std::move(plan));
  if (options.fuse) plan = fuseEpilogues(std::move(plan));
  if (options.mergeSiblings) plan = mergeSiblings(std::move(plan));
  if (options.fuseStem) plan = fuseStem(std::move(plan));
  plan = assignBuffers(std::move(plan));
  plan = layOutArena(std::move(plan));
  plan.chunk = chunkFor(plan.arenaBytes, options.cacheBytes > 0 ? options.cacheBytes : defaultCacheBytes);
  for (const Step& step : plan.steps) {
    plan.parameters += step.parameters;
    plan.multiplyAdds += step.multiplyAdds;
  }
  return plan;
}

}  // namespace facenet
