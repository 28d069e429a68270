#include <map>

#include "native/graph/passes.h"

namespace facenet {
namespace {

// Convolutions that can share one product with others of their input. A graph output keeps its own step,
// since it is f32 where the others may be bf16.
Conv2d* mergeable(Step& step, const Links& links) {
  auto* conv = std::get_if<Conv2d>(&step.op);
  const bool fits = conv && conv->window.pointwise() && conv->groups == 1 && !conv->residual &&
                    !links.output[step.outputs.front()];
  return fits ? conv : nullptr;
}

}  // namespace

// The merged step stands where the first sibling stood: their one input is ready there, and nobody needs
// their outputs earlier than before.
Plan mergeSiblings(Plan plan) {
  const Links links(plan);
  std::vector<Step> kept;
  std::map<int, size_t> firstSibling;  // input tensor -> index into kept
  for (Step& step : plan.steps) {
    if (Conv2d* conv = mergeable(step, links)) {
      const auto [found, first] = firstSibling.emplace(step.inputs.front(), kept.size());
      if (!first) {
        Step& into = kept[found->second];
        auto& parts = std::get<Conv2d>(into.op).parts;
        parts.insert(parts.end(), conv->parts.begin(), conv->parts.end());
        into.outputs.insert(into.outputs.end(), step.outputs.begin(), step.outputs.end());
        into.name = step.name;
        addLayers(into, step);
        continue;
      }
    }
    kept.push_back(std::move(step));
  }
  plan.steps = std::move(kept);
  return plan;
}

}  // namespace facenet
