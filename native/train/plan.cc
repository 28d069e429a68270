#include "native/train/plan.h"

#include <algorithm>

#include "native/graph/passes.h"

namespace facenet::train {
namespace {

bool fuseInto(Step& producer, const Step& step, size_t input) {
  if (const auto* add = std::get_if<Add>(&step.op)) return fuseResidual(producer, *add, input);
  const auto* activation = std::get_if<Activation>(&step.op);
  if (!activation) return false;
  const bool undone =
      activation->kind == Activation::Kind::relu || activation->kind == Activation::Kind::relu6;
  return undone && fuseActivation(producer, *activation);
}

// All buffers one after the other, but the caller's images.
void keepEverything(Plan& plan) {
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    PlannedBuffer& buffer = plan.buffers[i];
    const bool images = static_cast<int>(i) == plan.tensors[static_cast<size_t>(plan.input)].buffer;
    buffer.offset = images ? -1 : plan.arenaBytes;
    if (!images) plan.arenaBytes += buffer.bytes;
  }
}

Plan forwardPlan(const Graph& graph, const TrainingPlanOptions& training) {
  const PlanOptions options{.dtype = training.dtype,
                            .fold = false,
                            .mergeSiblings = false,
                            .channelAlignment = training.channelAlignment};
  if (graph.outputs.size() != 1)
    throw invalidModel("outputs of graph " + graph.name, "one, the embedding", text(graph.outputs.size()));
  Plan plan = absorbSteps(planNodes(graph, options), fuseInto);
  plan = assignBuffers(std::move(plan));
  keepEverything(plan);
  for (const Step& step : plan.steps) {
    plan.parameters += step.parameters;
    plan.multiplyAdds += step.multiplyAdds;
  }
  return plan;
}

// A flag for every channel of every buffer. Slices of a concat and the whole of it so share theirs.
class ChannelFlags {
 public:
  explicit ChannelFlags(const Plan& plan) : plan_(plan), flags_(plan.buffers.size()) {
    for (const PlannedTensor& tensor : plan.tensors)
      flags_[static_cast<size_t>(tensor.buffer)].resize(static_cast<size_t>(tensor.pixelStride), false);
  }

  std::vector<bool>::reference at(int tensor, int64_t channel) { return *(begin(tensor) + channel); }
  void set(int tensor) { std::fill(begin(tensor), begin(tensor) + channels(tensor), true); }
  bool any(int tensor) { return count(tensor) > 0; }
  bool all(int tensor) { return count(tensor) == channels(tensor); }
  int64_t channels(int tensor) const { return of(tensor).shape.channels; }

 private:
  const PlannedTensor& of(int tensor) const { return plan_.tensors[static_cast<size_t>(tensor)]; }
  std::vector<bool>::iterator begin(int tensor) {
    return flags_[static_cast<size_t>(of(tensor).buffer)].begin() + of(tensor).channelOffset;
  }
  int64_t count(int tensor) { return std::count(begin(tensor), begin(tensor) + channels(tensor), true); }

  const Plan& plan_;
  std::vector<std::vector<bool>> flags_;
};

// Derives the backward steps.
class Backward {
 public:
  Backward(const Plan& forward, const Frozen& frozen)
      : forward_(forward), frozen_(frozen), needed_(forward), written_(forward) {
    // A gradient is needed where a trained weight lies before it.
    for (const Step& step : forward.steps) {
      bool needed = frozen.trains(forward, step);
      for (int input : step.inputs) needed = needed || needed_.any(input);
      for (int output : step.outputs)
        if (needed) needed_.set(output);
    }
  }

  std::vector<BackwardStep> steps() {
    written_.set(forward_.outputs.front());
    std::vector<BackwardStep> result;
    for (size_t i = forward_.steps.size(); i-- > 0;)
      if (needed_.any(forward_.steps[i].outputs.front())) result.push_back(backwardOf(i));
    return result;
  }

 private:
  // Which channels have a gradient so far decides whether a step writes its gradient or adds it.
  BackwardStep backwardOf(size_t i) {
    const Step& step = forward_.steps[i];
    BackwardStep result{.step = static_cast<int>(i), .weights = frozen_.trains(forward_, step)};
    for (int output : step.outputs) clearRest(output, result);
    for (size_t k = 0; k < step.inputs.size(); ++k) {
      const int input = step.inputs[k];
      const bool wanted = needed_.any(input);
      if (wanted && !hasGradient(step.op))
        throw invalidModel("layer " + step.name, "an op with a gradient behind weights that are trained",
                           opName(step.op));
      const bool partly = written_.any(input) && !written_.all(input);
      // A step that reads the same channels twice adds to them twice.
      if (wanted && (partly || readTwice(step, k))) clearRest(input, result);
      result.wanted.push_back(wanted);
      result.accumulate.push_back(wanted && written_.all(input));
      if (wanted) written_.set(input);
    }
    return result;
  }

  void clearRest(int tensor, BackwardStep& step) {
    for (int64_t begin = 0, end; begin < written_.channels(tensor); begin = end) {
      const bool written = written_.at(tensor, begin);
      for (end = begin; end < written_.channels(tensor) && written_.at(tensor, end) == written;) ++end;
      if (!written) step.clear.push_back({tensor, begin, end});
    }
    written_.set(tensor);
  }

  bool readTwice(const Step& step, size_t k) const {
    const auto tensor = [&](size_t i) { return forward_.tensors[static_cast<size_t>(step.inputs[i])]; };
    const PlannedTensor a = tensor(k);
    for (size_t other = 0; other < step.inputs.size(); ++other) {
      const PlannedTensor b = tensor(other);
      if (other != k && a.buffer == b.buffer && a.channelOffset < b.channelOffset + b.shape.channels &&
          b.channelOffset < a.channelOffset + a.shape.channels)
        return true;
    }
    return false;
  }

  const Plan& forward_;
  const Frozen& frozen_;
  ChannelFlags needed_, written_;
};

// Gradients as the tensors of a plan whose first step is the loss, which makes the embeddings' gradient, and
// whose others are the backward steps: so they get their places in the arena as activations do.
Plan gradientPlan(const Plan& forward, const std::vector<BackwardStep>& backward) {
  Plan plan = forward;
  plan.outputs.clear();
  plan.arenaBytes = 0;
  plan.steps.clear();
  plan.steps.push_back({.name = "loss", .op = {}, .inputs = {}, .outputs = forward.outputs, .layers = {}});
  for (const BackwardStep& step : backward) {
    const Step& of = forward.steps[static_cast<size_t>(step.step)];
    Step gradient{.name = of.name, .op = of.op, .inputs = of.outputs, .outputs = {}, .layers = of.layers};
    for (size_t i = 0; i < of.inputs.size(); ++i)
      if (step.wanted[i]) gradient.outputs.push_back(of.inputs[i]);
    plan.steps.push_back(std::move(gradient));
  }
  std::vector<bool> used(plan.buffers.size(), false);
  for (const Step& step : plan.steps)
    for (const auto* list : {&step.inputs, &step.outputs})
      for (int tensor : *list)
        used[static_cast<size_t>(plan.tensors[static_cast<size_t>(tensor)].buffer)] = true;
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i]) plan.buffers[i].bytes = 0;
  return layOutArena(std::move(plan));
}

}  // namespace

TrainingPlan makeTrainingPlan(const Graph& graph, const TrainingPlanOptions& options) {
  TrainingPlan plan;
  plan.forward = forwardPlan(graph, options);
  const Frozen frozen(options.frozen);
  frozen.check(plan.forward);
  plan.backward = Backward(plan.forward, frozen).steps();
  plan.gradients = gradientPlan(plan.forward, plan.backward);
  for (const Step& step : plan.forward.steps)
    plan.runningStatistics.push_back(frozen.statistics(plan.forward, step));

  const int64_t bytes = plan.forward.arenaBytes + plan.gradients.arenaBytes;
  const int64_t memory = options.memoryBytes > 0 ? options.memoryBytes : defaultTrainingBytes;
  plan.chunk = options.chunk > 0
                   ? options.chunk
                   : std::clamp<int64_t>(memory / std::max<int64_t>(bytes, 1), 1, options.maxImages);
  plan.forward.chunk = plan.gradients.chunk = plan.chunk;
  return plan;
}

}  // namespace facenet::train
