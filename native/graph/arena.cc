// One arena for all activations: buffers that are never needed at the same time share memory.
#include <algorithm>

#include "native/graph/passes.h"

namespace facenet {
namespace {

// A buffer lives from the first step that writes to it to the last that touches it, both included: a step
// never writes over its own input.
void findLives(Plan& plan) {
  for (PlannedBuffer& buffer : plan.buffers) buffer.firstStep = buffer.lastStep = -1;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    for (const auto* list : {&step.inputs, &step.outputs})
      for (int tensor : *list) {
        PlannedBuffer& buffer = plan.buffers[plan.tensors[tensor].buffer];
        if (buffer.firstStep < 0) buffer.firstStep = static_cast<int>(i);
        buffer.lastStep = static_cast<int>(i);
      }
  }
}

bool meet(const PlannedBuffer& a, const PlannedBuffer& b) {
  return a.firstStep <= b.lastStep && b.firstStep <= a.lastStep;
}

// The smallest gap between the placed buffers of its lifetime that holds `buffer`, or the end.
int64_t bestFit(const PlannedBuffer& buffer, const std::vector<PlannedBuffer>& placed) {
  int64_t end = 0, best = -1, bestGap = 0;
  for (const PlannedBuffer& other : placed) {  // by offset
    if (!meet(buffer, other)) continue;
    const int64_t gap = other.offset - end;
    if (gap >= buffer.bytes && (best < 0 || gap < bestGap)) {
      best = end;
      bestGap = gap;
    }
    end = std::max(end, other.offset + other.bytes);
  }
  return best < 0 ? end : best;
}

// Gives buffers an offset one by one in the given order. Returns the index in `order` of the one that ends
// last.
size_t assignOffsets(std::vector<PlannedBuffer>& buffers, const std::vector<int>& order) {
  std::vector<PlannedBuffer> placed;
  int64_t size = 0;
  size_t highest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    PlannedBuffer& buffer = buffers[order[i]];
    buffer.offset = bestFit(buffer, placed);
    if (buffer.offset + buffer.bytes > size) highest = i;
    size = std::max(size, buffer.offset + buffer.bytes);
    const auto later = [](const PlannedBuffer& a, const PlannedBuffer& b) { return a.offset < b.offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), buffer, later), buffer);
  }
  return highest;
}

// The buffers of the arena; the graph's input and outputs are the caller's.
std::vector<int> arenaBuffers(const Plan& plan) {
  std::vector<bool> callers(plan.buffers.size(), false);
  callers[plan.tensors[plan.input].buffer] = true;
  for (int tensor : plan.outputs) callers[plan.tensors[tensor].buffer] = true;
  std::vector<int> result;
  for (size_t i = 0; i < plan.buffers.size(); ++i)
    if (!callers[i]) result.push_back(static_cast<int>(i));
  return result;
}

}  // namespace

// Big buffers first, which is optimal for most networks. Where it is not, the buffer that ended up on top
// comes first in the next attempt: it was squeezed out by buffers that have more freedom.
Plan layOutArena(Plan plan) {
  constexpr int attempts = 32;
  findLives(plan);
  for (PlannedBuffer& buffer : plan.buffers) buffer.offset = -1;
  std::vector<int> order = arenaBuffers(plan);
  if (order.empty()) return plan;
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return plan.buffers[a].bytes > plan.buffers[b].bytes; });

  std::vector<PlannedBuffer> buffers = plan.buffers;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const size_t highest = assignOffsets(buffers, order);
    const PlannedBuffer& top = buffers[order[highest]];
    if (attempt == 0 || top.offset + top.bytes < plan.arenaBytes) {
      plan.arenaBytes = top.offset + top.bytes;
      plan.buffers = buffers;
    }
    std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(highest),
                order.begin() + static_cast<std::ptrdiff_t>(highest) + 1);
  }
  return plan;
}

}  // namespace facenet
