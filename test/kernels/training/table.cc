#include "table.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "fields.h"
#include "native/graph/passes.h"

namespace facenet::train::test {
namespace {

struct NodeText {
  std::string name, op;
  Words inputs;
  WordFields attributes, tensors;
};

struct CaseText {
  std::string name;
  std::vector<Shape> inputs;
  std::map<std::string, Words> fields;
  std::vector<NodeText> nodes;
};

std::vector<CaseText> parse(std::istream& file) {
  std::vector<CaseText> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream stream(line);
    std::string kind, word;
    stream >> kind;
    if (kind == "case") {
      cases.push_back({.name = line.substr(5), .inputs = {}, .fields = {}, .nodes = {}});
      continue;
    }
    Words words;
    while (stream >> word) words.push_back(word);
    CaseText& item = cases.back();
    const auto rest = [&](ptrdiff_t from) { return Words(words.begin() + from, words.end()); };
    if (kind == "input") {
      const auto sizes = numbersOf<int64_t>(words);
      item.inputs.push_back({sizes.at(0), sizes.at(1), sizes.at(2)});
    } else if (kind == "node") {
      item.nodes.push_back({words.at(0), words.at(1), rest(2), {}, {}});
    } else if (kind == "attribute") {
      item.nodes.back().attributes.values[words.at(0)] = rest(1);
    } else if (kind == "tensor") {
      item.nodes.back().tensors.values[words.at(0)] = rest(1);
    } else {
      item.fields[kind] = words;
    }
  }
  return cases;
}

Step stepOf(const NodeText& node) {
  const std::optional<Op> op = readOp({node.op, node.attributes, node.tensors});
  if (!op) throw std::runtime_error("no op " + node.op);
  return {.name = node.name, .op = *op, .inputs = {}, .outputs = {}, .layers = {node.name}};
}

// An activation behind one of several siblings: the planner puts it there before it merges them.
bool fuseIntoPart(Step& step, const NodeText& node, const Step& next) {
  auto* conv = std::get_if<Conv2d>(&step.op);
  const auto* activation = std::get_if<Activation>(&next.op);
  const auto made = std::ranges::find(step.layers, node.inputs.at(0));
  if (!conv || conv->parts.size() < 2 || !activation || made == step.layers.end()) return false;
  conv->parts.at(static_cast<size_t>(made - step.layers.begin())).activation = *activation;
  return true;
}

// The nodes as the one step that the planner makes of them.
Step fuse(const std::vector<NodeText>& nodes) {
  Step step = stepOf(nodes.at(0));
  std::string last = nodes[0].name;
  // Siblings come before what follows them, so that a part's place is that of its layer.
  for (const NodeText& node : nodes) {
    auto* conv = std::get_if<Conv2d>(&step.op);
    if (&node == &nodes[0] || node.op != "conv2d" || !conv) continue;
    conv->parts.push_back(std::get<Conv2d>(stepOf(node).op).parts.at(0));
    step.layers.push_back(node.name);
  }
  for (const NodeText& node : nodes) {
    if (&node == &nodes[0] || node.op == "conv2d") continue;
    const Step next = stepOf(node);
    const auto input = static_cast<size_t>(std::ranges::find(node.inputs, last) - node.inputs.begin());
    if (!fuseIntoPart(step, node, next) && !fuseStep(step, next, input))
      throw std::runtime_error("the planner fuses no " + node.op + " there");
    last = node.name;
  }
  return step;
}

// Where a tensor's values come from: away from zero where it is divided by or scales what is compared.
Weight weight(const OpTensor& tensor, const Words& shared) {
  const bool positive = tensor.role == TensorRole::scale || tensor.role == TensorRole::variance;
  const bool one = std::ranges::find(shared, roleName(tensor.role)) != shared.end();
  return {.name = tensor.name,
          .shape = one ? std::vector<int64_t>{1} : tensor.shape,
          .low = positive ? 0.5f : -1,
          .high = positive ? 2.0f : 1,
          .running = isStatistic(tensor.role)};
}

Case caseOf(const CaseText& item) {
  const auto field = [&](const char* name) -> Words {
    const auto found = item.fields.find(name);
    return found == item.fields.end() ? Words{} : found->second;
  };
  const auto flag = [&](const char* name) { return field(name) == Words{"true"}; };
  Case result{.name = item.name, .op = fuse(item.nodes).op, .inputs = item.inputs, .low = -2, .high = 2};
  inferShape(result.op, result.inputs, result.name);  // fills in what the op leaves open
  const Words count = field("count"), range = field("range"), values = field("values");
  result.count = count.empty() ? 3 : numberOf<int64_t>(count.at(0));
  if (!range.empty()) result.low = numberOf<float>(range.at(0)), result.high = numberOf<float>(range.at(1));
  result.distinct = values == Words{"distinct"};
  result.levels = values == Words{"few"} ? 4 : 0;
  result.inPlace = flag("inPlace");
  result.runningStatistics = flag("runningStatistics");
  result.embeddings = flag("embeddings");
  result.planned = !flag("fusedInModelsOnly");
  for (const OpTensor& tensor : tensorsOf(result.op, result.inputs[0]))
    result.weights.push_back(weight(tensor, field("shared")));
  return result;
}

}  // namespace

std::vector<Case> readTable(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<Case> cases;
  for (const CaseText& item : parse(file)) {
    try {
      cases.push_back(caseOf(item));
    } catch (const std::exception& error) {
      throw std::runtime_error(item.name + ": " + error.what());
    }
  }
  return cases;
}

}  // namespace facenet::train::test
