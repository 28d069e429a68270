#include "native/binding/read_graph.h"

#include "native/binding/fields.h"

namespace facenet::binding {
namespace {

Op readOpOf(const Fields& node) {
  const std::string op = node.string("op");
  const Fields attributes = node.object("attributes"), tensors = node.object("tensors");
  if (const std::optional<Op> known = readOp({op, attributes, tensors})) return *known;
  std::string expected = "one of";
  for (const std::string_view name : opNames()) expected += text(" '", name, "'");
  throw node.wrong("op", expected);
}

}  // namespace

Node readNode(const Napi::Value& value, uint32_t index) {
  const std::string name = Fields(value, text("node ", index), Fields::Kind::model).string("name");
  const Fields fields(value, "node " + name, Fields::Kind::model);
  return {name, readOpOf(fields), fields.strings("inputs")};
}

Graph readGraph(const Napi::Value& value) {
  const Fields fields(value, "graph", Fields::Kind::model);
  const Fields input = fields.object("input");
  Graph graph;
  graph.name = fields.string("name");
  graph.input = input.string("name");
  graph.inputShape = {input.integer("height", 1), input.integer("width", 1), input.integer("channels", 1)};
  graph.inputDType = input.oneOf<DType, 2>("dtype", {{"u8", DType::u8}, {"f32", DType::f32}});
  const Napi::Array nodes = fields.array("nodes");
  for (uint32_t i = 0; i < nodes.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    graph.nodes.push_back(readNode(nodes[i], i));
  }
  graph.outputs = fields.strings("outputs");
  return graph;
}

}  // namespace facenet::binding
