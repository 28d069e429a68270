#include "native/graph/passes.h"

#include <algorithm>

namespace facenet {

Links::Links(const Plan& plan)
    : producer(plan.tensors.size(), -1), consumers(plan.tensors.size()), output(plan.tensors.size(), false) {
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (int tensor : plan.steps[i].outputs) producer[tensor] = static_cast<int>(i);
    for (int tensor : plan.steps[i].inputs) consumers[tensor].push_back(static_cast<int>(i));
  }
  for (int tensor : plan.outputs) output[tensor] = true;
}

void addLayers(Step& into, const Step& from) {
  into.layers.insert(into.layers.end(), from.layers.begin(), from.layers.end());
  into.parameters += from.parameters;
  into.multiplyAdds += from.multiplyAdds;
}

Plan absorbSteps(Plan plan, AbsorbRule rule) {
  const Links links(plan);
  std::vector<Step> kept;
  std::vector<int> madeBy(plan.tensors.size(), -1);  // index into kept; -1: the graph's input

  const auto absorbed = [&](const Step& step, size_t input) {
    const int tensor = step.inputs[input];
    if (!links.internal(tensor)) return false;
    std::vector<int> others = step.inputs;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(input));
    const int maker = madeBy[tensor];
    if (!std::all_of(others.begin(), others.end(), [&](int other) { return madeBy[other] < maker; }))
      return false;

    Step& producer = kept[maker];
    if (!rule(producer, step, input)) return false;
    producer.name = step.name;
    producer.inputs.insert(producer.inputs.end(), others.begin(), others.end());
    producer.outputs = step.outputs;
    addLayers(producer, step);
    madeBy[step.outputs.front()] = maker;
    return true;
  };

  for (Step& step : plan.steps) {
    bool done = false;
    for (size_t input = step.inputs.size(); input-- > 0 && !done;) done = absorbed(step, input);
    if (done) continue;
    for (int tensor : step.outputs) madeBy[tensor] = static_cast<int>(kept.size());
    kept.push_back(std::move(step));
  }
  plan.steps = std::move(kept);
  return plan;
}

}  // namespace facenet
