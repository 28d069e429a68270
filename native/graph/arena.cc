// One arena for all activations: buffers that are never needed at the same time share memory.
#include <algorithm>
#include <numeric>

#include "graph/passes.h"

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

// Gives buffers an offset one by one in the given order; returns the size of the arena.
int64_t place(std::vector<PlannedBuffer>& buffers, const std::vector<int>& order) {
  std::vector<PlannedBuffer> placed;
  int64_t size = 0;
  for (int index : order) {
    PlannedBuffer& buffer = buffers[index];
    buffer.offset = bestFit(buffer, placed);
    size = std::max(size, buffer.offset + buffer.bytes);
    const auto later = [](const PlannedBuffer& a, const PlannedBuffer& b) { return a.offset < b.offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), buffer, later), buffer);
  }
  return size;
}

}  // namespace

// Big buffers first is the best single order for most networks, but not for all: the smallest of three arenas
// is taken.
Plan layOutArena(Plan plan) {
  findLives(plan);
  std::vector<bool> callers(plan.buffers.size(), false);
  callers[plan.tensors[plan.input].buffer] = true;
  for (int tensor : plan.outputs) callers[plan.tensors[tensor].buffer] = true;

  std::vector<int> order;
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    plan.buffers[i].offset = -1;
    if (!callers[i]) order.push_back(static_cast<int>(i));
  }

  using Before = bool (*)(const PlannedBuffer&, const PlannedBuffer&);
  const Before orders[] = {
      [](const PlannedBuffer& a, const PlannedBuffer& b) { return a.bytes > b.bytes; },
      [](const PlannedBuffer& a, const PlannedBuffer& b) { return a.firstStep < b.firstStep; },
      [](const PlannedBuffer& a, const PlannedBuffer& b) {
        return a.lastStep - a.firstStep > b.lastStep - b.firstStep;
      }};
  std::vector<PlannedBuffer> best;
  for (Before before : orders) {
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return before(plan.buffers[a], plan.buffers[b]); });
    std::vector<PlannedBuffer> buffers = plan.buffers;
    const int64_t bytes = place(buffers, order);
    if (!best.empty() && bytes >= plan.arenaBytes) continue;
    plan.arenaBytes = bytes;
    best = std::move(buffers);
  }
  plan.buffers = std::move(best);
  return plan;
}

}  // namespace facenet
