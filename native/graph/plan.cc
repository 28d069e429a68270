#include "native/graph/plan.h"

#include <algorithm>

#include "native/core/error.h"
#include "native/graph/passes.h"

namespace facenet {

int64_t chunkFor(int64_t arenaBytes, int64_t cacheBytes) {
  return std::clamp<int64_t>(cacheBytes / std::max<int64_t>(arenaBytes, 1), 1, maxChunk);
}

int64_t arenaOffset(const Plan& plan, const PlannedTensor& tensor) {
  const int64_t offset = plan.buffers[tensor.buffer].offset;
  return offset < 0 ? -1 : offset + tensor.channelOffset * static_cast<int64_t>(byteSize(tensor.dtype));
}

namespace {

// Of one image: far more than networks for faces need, and than the tiles that detectors look at.
constexpr int64_t kMaxArenaBytes = int64_t{1} << 30;
constexpr double kMaxMultiplyAdds = static_cast<double>(int64_t{1} << 43);  // minutes on a few cores

// A file of a kilobyte can describe a network that no machine can hold or finish.
void checkCost(const Plan& plan) {
  if (plan.arenaBytes > kMaxArenaBytes)
    throw invalidModel("graph " + plan.name,
                       text("activations of at most ", kMaxArenaBytes, " bytes an image"),
                       text(plan.arenaBytes, " bytes"));
  double multiplyAdds = 0;
  for (const Step& step : plan.steps) multiplyAdds += static_cast<double>(step.multiplyAdds);
  if (multiplyAdds > kMaxMultiplyAdds)
    throw invalidModel("graph " + plan.name, text("at most ", kMaxMultiplyAdds, " multiply-adds an image"),
                       text(multiplyAdds));
}

}  // namespace

Plan makePlan(const Graph& graph, const PlanOptions& options) {
  if (options.dtype == DType::u8) throw invalidArgument("dtype", "f32, bf16 or f16", "u8");
  Plan plan = planNodes(graph, options);
  if (options.fold) plan = foldNorms(std::move(plan));
  if (options.fuse) plan = fuseEpilogues(std::move(plan));
  if (options.mergeSiblings) plan = mergeSiblings(std::move(plan));
  if (options.fuseStem) plan = fuseStem(std::move(plan));
  plan = assignBuffers(std::move(plan));
  plan = layOutArena(std::move(plan));
  checkCost(plan);
  plan.chunk = chunkFor(plan.arenaBytes, options.cacheBytes > 0 ? options.cacheBytes : defaultCacheBytes);
  for (const Step& step : plan.steps) {
    plan.parameters += step.parameters;
    plan.multiplyAdds += step.multiplyAdds;
  }
  return plan;
}

}  // namespace facenet
