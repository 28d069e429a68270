#include "native/train/parameters.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "native/core/integers.h"

namespace facenet::train {
namespace {

constexpr int64_t alignment = 16;  // elements: 64 bytes

bool fits(const std::string& pattern, const std::string& name) {
  if (pattern.empty() || pattern.back() != '*') return pattern == name;
  return name.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
}

// The layer whose tensors a step has: what was fused into it has none, and comes after it.
const std::string& weightedLayer(const Step& step) {
  return step.layers.front();
}

bool oneForAll(TensorRole role, const WeightTensor& tensor) {
  return role != TensorRole::weight && role != TensorRole::bias && tensor.elements() == 1;
}

}  // namespace

int64_t Parameter::elements() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

const Parameter& Parameters::at(const std::string& name) const {
  const auto found = std::ranges::find(list, name, &Parameter::name);
  FACENET_ASSERT(found != list.end());
  return *found;
}

OpTensors tensorsOf(const Plan& plan, const Step& step) {
  return facenet::tensorsOf(step.op, plan.tensors[static_cast<size_t>(step.inputs.front())].shape);
}

Parameters collectParameters(const Plan& plan, const Weights& weights,
                             const std::vector<ExtraTensor>& extra) {
  Parameters result;
  std::map<std::string, TensorRole> roles;
  const auto add = [&](const std::string& name, const std::vector<int64_t>& shape, bool trainable) {
    result.list.push_back({.name = name, .shape = shape, .offset = result.elements, .trainable = trainable});
    result.elements += roundUp(result.list.back().elements(), alignment);
  };
  for (const bool statistics : {false, true}) {
    for (const Step& step : plan.steps) {
      for (const OpTensor& tensor : tensorsOf(plan, step)) {
        if (isStatistic(tensor.role) != statistics) continue;
        const auto [known, added] = roles.emplace(tensor.name, tensor.role);
        if (isStatistic(known->second) != statistics)
          throw invalidModel("tensor " + tensor.name, "a weight or a running statistic", "both");
        if (!added) continue;
        const auto stored = weights.tensors.find(tensor.name);
        const bool one = stored != weights.tensors.end() && oneForAll(tensor.role, stored->second);
        const std::vector<int64_t> shape = one ? stored->second.shape : tensor.shape;
        weights.read(tensor.name, shape, weightedLayer(step));  // throws where it does not fit
        add(tensor.name, shape, !statistics);
      }
    }
    for (const auto& [name, shape, trainable] : extra) {
      if (trainable == statistics) continue;
      weights.read(name, shape, "loss");  // throws where it does not fit
      add(name, shape, trainable);
    }
    if (!statistics) result.trainable = result.elements;
  }
  return result;
}

void loadParameters(const Parameters& parameters, const Weights& weights, float* vector) {
  for (const Parameter& parameter : parameters.list) {
    const std::vector<float> values = weights.read(parameter.name, parameter.shape, parameter.name);
    std::ranges::copy(values, vector + parameter.offset);
  }
}

bool Frozen::tensor(const Step& step, const std::string& name) const {
  return std::ranges::any_of(patterns_, [&](const std::string& pattern) {
    return fits(pattern, name) || fits(pattern, weightedLayer(step));
  });
}

bool Frozen::trains(const Plan& plan, const Step& step) const {
  return std::ranges::any_of(tensorsOf(plan, step), [&](const OpTensor& tensor) {
    return !isStatistic(tensor.role) && !this->tensor(step, tensor.name);
  });
}

bool Frozen::statistics(const Plan& plan, const Step& step) const {
  const auto* norm = std::get_if<Norm>(&step.op);
  if (!norm || !norm->batch()) return false;
  const bool weights = !norm->scale.empty() || !norm->shift.empty();
  return tensor(step, norm->variance) || (weights && !trains(plan, step));
}

void Frozen::check(const Plan& plan) const {
  for (const std::string& pattern : patterns_) {
    const bool used = std::ranges::any_of(plan.steps, [&](const Step& step) {
      const auto tensors = tensorsOf(plan, step);
      return (!tensors.empty() && fits(pattern, weightedLayer(step))) ||
             std::ranges::any_of(tensors, [&](const OpTensor& t) { return fits(pattern, t.name); });
    });
    if (!used) throw invalidArgument("frozen", "names of layers with weights, or of tensors", pattern);
  }
  if (std::ranges::none_of(plan.steps, [&](const Step& step) { return trains(plan, step); }))
    throw invalidArgument("frozen", "at least one weight that is trained", "every one of them");
}

}  // namespace facenet::train
