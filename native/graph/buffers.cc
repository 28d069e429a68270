// Concat without copying: a tensor that a concat reads is written straight into its channels of the concat's
// buffer, by whoever makes it, and others who read it read that slice. Concats of concats flatten into the
// outermost.
#include <algorithm>

#include "native/core/integers.h"
#include "native/graph/passes.h"

namespace facenet {
namespace {

// Where a tensor lives: the tensor whose buffer it is in (often itself), and its first channel there.
struct Slot {
  int root;
  int64_t channel;
};

using Slots = std::vector<Slot>;

// Kernels move 16 bytes at a time, so a slice must start at a multiple of that in every pixel.
bool aligned(int64_t channels, DType dtype) {
  return channels * static_cast<int64_t>(byteSize(dtype)) % 16 == 0;
}

// The ends of a graph are the caller's dense memory.
int64_t pixelStrideOf(const Plan& plan, int root) {
  const int64_t channels = plan.tensors[root].shape.channels, alignment = plan.options.channelAlignment;
  const bool ofCaller = root == plan.input || std::ranges::find(plan.outputs, root) != plan.outputs.end();
  return ofCaller ? channels : roundUp(channels, alignment);
}

bool isConcat(const Step& step) {
  return std::holds_alternative<Concat>(step.op);
}

// Graph outputs are the caller's dense memory: they are no slices and have none. A tensor has one place, so
// of several concats that read it the last one gets it. Going backwards, an outer concat has its place before
// the inner ones.
Slots chooseSlots(const Plan& plan) {
  Slots slots(plan.tensors.size());
  for (size_t i = 0; i < slots.size(); ++i) slots[i] = {static_cast<int>(i), 0};
  if (!plan.options.concatInPlace) return slots;

  const Links links(plan);
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    const int whole = step->outputs.front();
    if (!isConcat(*step) || links.output[whole]) continue;
    const Slot place = slots[whole];
    const PlannedTensor& root = plan.tensors[place.root];
    int64_t channel = place.channel;
    for (int input : step->inputs) {
      const bool free = links.producer[input] >= 0 && !links.output[input] && slots[input].root == input;
      if (free && aligned(channel, root.dtype) && aligned(pixelStrideOf(plan, place.root), root.dtype))
        slots[input] = {place.root, channel};
      channel += plan.tensors[input].shape.channels;
    }
  }
  return slots;
}

// Replaces each concat by one that copies, for every run of neighbouring inputs that live elsewhere, those
// inputs into the run's slice. With all inputs in place no step is left, and the layer is counted to the step
// that wrote last.
class ConcatRewriter {
 public:
  ConcatRewriter(Plan& plan, Slots& slots) : plan_(plan), slots_(slots), writer_(slots.size(), -1) {}

  void rewrite() {
    for (Step& step : plan_.steps) {
      if (isConcat(step))
        rewriteConcat(step);
      else
        keep(std::move(step));
    }
    plan_.steps = std::move(kept_);
  }

 private:
  void keep(Step step) {
    for (int tensor : step.outputs) writer_[tensor] = static_cast<int>(kept_.size());
    kept_.push_back(std::move(step));
  }

  bool inPlace(int input, int whole, int64_t channel) const {
    return slots_[input].root == slots_[whole].root &&
           slots_[input].channel == slots_[whole].channel + channel;
  }

  void rewriteConcat(const Step& step) {
    const int whole = step.outputs.front();
    std::vector<int> run;
    int64_t channel = 0, runStart = 0;
    int last = -1;
    const auto copyRun = [&] {
      if (run.empty()) return;
      const bool all = run.size() == step.inputs.size();
      keep({.name = step.name,
            .op = Concat{},
            .inputs = run,
            .outputs = {all ? whole : addSlice(whole, runStart, channel)},
            .layers = {}});
      last = static_cast<int>(kept_.size()) - 1;
      run.clear();
    };
    for (int input : step.inputs) {
      if (inPlace(input, whole, channel)) {
        copyRun();
        last = std::max(last, writer_[input]);
      } else {
        if (run.empty()) runStart = channel;
        run.push_back(input);
      }
      channel += plan_.tensors[input].shape.channels;
    }
    copyRun();
    writer_[whole] = last;
    addLayers(kept_[last], step);
  }

  int addSlice(int whole, int64_t begin, int64_t end) {
    PlannedTensor slice = plan_.tensors[whole];
    slice.name += text("[", begin, ":", end, "]");
    slice.shape.channels = end - begin;
    plan_.tensors.push_back(slice);
    slots_.push_back({slots_[whole].root, slots_[whole].channel + begin});
    writer_.push_back(-1);
    return static_cast<int>(plan_.tensors.size()) - 1;
  }

  Plan& plan_;
  Slots& slots_;
  std::vector<int> writer_;  // last step in kept_ that writes to a tensor
  std::vector<Step> kept_;
};

void makeBuffers(Plan& plan, const Slots& slots) {
  std::vector<int> bufferOf(slots.size(), -1);
  for (size_t i = 0; i < slots.size(); ++i) {
    const PlannedTensor& root = plan.tensors[slots[i].root];
    int& buffer = bufferOf[slots[i].root];
    if (buffer < 0) {
      buffer = static_cast<int>(plan.buffers.size());
      const int64_t bytes = root.shape.pixels() * pixelStrideOf(plan, slots[i].root) *
                            static_cast<int64_t>(byteSize(root.dtype));
      plan.buffers.push_back({.bytes = roundUp(bytes, 64)});
    }
    plan.tensors[i].buffer = buffer;
    plan.tensors[i].channelOffset = slots[i].channel;
    plan.tensors[i].pixelStride = pixelStrideOf(plan, slots[i].root);
  }
}

// Forgets the tensors that folding, fusing and writing in place have removed.
Plan dropUnusedTensors(Plan plan, Slots& slots) {
  std::vector<bool> used(plan.tensors.size(), false);
  used[plan.input] = true;
  for (const Step& step : plan.steps)
    for (const auto* list : {&step.inputs, &step.outputs})
      for (int tensor : *list) used[tensor] = used[slots[tensor].root] = true;

  std::vector<int> newIndex(plan.tensors.size(), -1);
  std::vector<PlannedTensor> tensors;
  Slots kept;
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) continue;
    newIndex[i] = static_cast<int>(tensors.size());
    tensors.push_back(plan.tensors[i]);
    kept.push_back(slots[i]);
  }
  for (Slot& slot : kept) slot.root = newIndex[slot.root];
  for (Step& step : plan.steps)
    for (auto* list : {&step.inputs, &step.outputs})
      for (int& tensor : *list) tensor = newIndex[tensor];
  for (int& tensor : plan.outputs) tensor = newIndex[tensor];
  plan.tensors = std::move(tensors);
  slots = std::move(kept);
  return plan;
}

}  // namespace

Plan assignBuffers(Plan plan) {
  Slots slots = chooseSlots(plan);
  ConcatRewriter(plan, slots).rewrite();
  plan = dropUnusedTensors(std::move(plan), slots);
  makeBuffers(plan, slots);
  return plan;
}

}  // namespace facenet
