// From a graph as it came to steps that are known to hold together.
#include <map>

#include "native/graph/passes.h"

namespace facenet {
namespace {

constexpr int64_t maxInputExtent = 1 << 14;  // pixels or channels

void checkInput(const Graph& graph) {
  const Shape& shape = graph.inputShape;
  for (int64_t extent : {shape.height, shape.width, shape.channels})
    if (extent < 1 || extent > maxInputExtent || shape.elements() > maxInputExtent * maxInputExtent)
      throw invalidModel("input " + graph.input, text("extents between 1 and ", maxInputExtent),
                         toString(shape));
  if (graph.inputDType != DType::u8 && graph.inputDType != DType::f32)
    throw invalidModel("input " + graph.input, "u8 or f32", dtypeName(graph.inputDType));
}

// uint8 images become numbers in preprocess and nowhere else.
void checkDType(const Node& node, const std::string& input, DType dtype) {
  const bool preprocess = std::holds_alternative<Preprocess>(node.op);
  if (preprocess && dtype != DType::u8)
    throw invalidModel("layer " + node.name, "a u8 image to preprocess",
                       text(input, " of ", dtypeName(dtype)));
  if (!preprocess && dtype == DType::u8)
    throw invalidModel("layer " + node.name, text("preprocess to come before ", opName(node.op)),
                       text(input, " of u8"));
}

class Builder {
 public:
  Builder(const Graph& graph, const PlanOptions& options) : graph_(graph) {
    plan_.name = graph.name;
    plan_.options = options;
    for (size_t i = 0; i < graph.nodes.size(); ++i) position_.emplace(graph.nodes[i].name, i);
  }

  Plan build() {
    checkInput(graph_);
    addTensor(graph_.input, graph_.inputShape, graph_.inputDType);
    for (const Node& node : graph_.nodes) addNode(node);
    addOutputs();
    return std::move(plan_);
  }

 private:
  int addTensor(const std::string& name, const Shape& shape, DType dtype) {
    if (name.empty()) throw invalidModel("graph " + graph_.name, "a name for every layer", "an empty name");
    const int index = static_cast<int>(plan_.tensors.size());
    if (!tensor_.emplace(name, index).second)
      throw invalidModel("layer " + name, "a unique name", "it twice");
    plan_.tensors.push_back({.name = name, .shape = shape, .dtype = dtype});
    return index;
  }

  int inputTensor(const Node& node, const std::string& input) const {
    const auto found = tensor_.find(input);
    if (found != tensor_.end()) return found->second;
    throw invalidModel(
        "layer " + node.name, "inputs that are earlier layers",
        input + (position_.count(input) ? ", which comes later" : ", which is not in the graph"));
  }

  void addNode(const Node& node) {
    Step step{.name = node.name, .op = node.op, .inputs = {}, .outputs = {}, .layers = {node.name}};
    std::vector<Shape> shapes;
    for (const std::string& input : node.inputs) {
      const PlannedTensor& tensor = plan_.tensors[step.inputs.emplace_back(inputTensor(node, input))];
      checkDType(node, input, tensor.dtype);
      shapes.push_back(tensor.shape);
    }
    const Shape shape = inferShape(step.op, shapes, node.name);
    step.parameters = parameterCount(step.op, shapes);
    step.multiplyAdds = multiplyAdds(step.op, shapes, shape);
    step.outputs = {addTensor(node.name, shape, plan_.options.dtype)};
    plan_.steps.push_back(std::move(step));
  }

  void addOutputs() {
    if (graph_.outputs.empty()) throw invalidModel("graph " + graph_.name, "at least one output", "none");
    for (const std::string& name : graph_.outputs) {
      if (!position_.count(name))
        throw invalidModel("output " + name, "the name of a layer", "an unknown name");
      PlannedTensor& tensor = plan_.tensors[tensor_.at(name)];
      for (int other : plan_.outputs)
        if (plan_.tensors[other].name == name) throw invalidModel("output " + name, "it once", "it twice");
      tensor.dtype = DType::f32;
      plan_.outputs.push_back(tensor_.at(name));
    }
  }

  const Graph& graph_;
  Plan plan_;
  std::map<std::string, size_t> position_;  // of a layer in the graph
  std::map<std::string, int> tensor_;
};

// Keeps the steps from which an output can be reached.
Plan dropUnneeded(Plan plan) {
  std::vector<bool> needed(plan.tensors.size(), false);
  for (int tensor : plan.outputs) needed[tensor] = true;
  std::vector<Step> kept;
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    if (!needed[step->outputs.front()]) continue;
    for (int tensor : step->inputs) needed[tensor] = true;
    kept.push_back(std::move(*step));
  }
  plan.steps.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  return plan;
}

}  // namespace

Plan planNodes(const Graph& graph, const PlanOptions& options) {
  return dropUnneeded(Builder(graph, options).build());
}

}  // namespace facenet
