#include "native/binding/read_graph.h"

#include <algorithm>
#include <string_view>

#include "native/binding/fields.h"

namespace facenet::binding {
namespace {

Window readWindow(const Fields& attributes) {
  const auto kernel = attributes.integers("kernel", 1, 2);
  const auto stride = attributes.integers("stride", 1, 2);
  const auto padding = attributes.integers("padding", 0, 4);
  return {kernel[0],  kernel[1],  stride[0],  stride[1],      padding[0],
          padding[1], padding[2], padding[3], Rounding::floor};
}

// One value for all channels, or three.
std::array<float, 3> readChannels(const Fields& attributes, const char* name, float fallback) {
  if (!attributes.has(name)) return {fallback, fallback, fallback};
  const auto values = attributes.numbers(name);
  if (values.size() != 1 && values.size() != 3) throw attributes.wrong(name, "one number or three");
  std::array<float, 3> result;
  for (size_t c = 0; c < 3; ++c) result[c] = static_cast<float>(values[values.size() == 1 ? 0 : c]);
  return result;
}

Op readPreprocess(const Fields& attributes, const Fields&) {
  enum class Color { rgb, bgr, grey };
  const auto color =
      attributes.oneOf<Color, 3>("color", {{"rgb", Color::rgb}, {"bgr", Color::bgr}, {"grey", Color::grey}});
  Preprocess op;
  op.perImage = attributes.oneOf<bool, 2>("mode", {{"fixed", false}, {"per-image", true}});
  op.grey = color == Color::grey;
  if (color == Color::bgr) op.order = {2, 1, 0};
  op.mean = readChannels(attributes, "mean", 0);
  op.scale = readChannels(attributes, "scale", 1);
  return op;
}

Op readConv2d(const Fields& attributes, const Fields& tensors) {
  ConvPart part;
  part.weight = tensors.string("weight");
  part.bias = tensors.stringOr("bias", "");
  part.outChannels = attributes.integer("outChannels", 1);
  Conv2d op;
  op.window = readWindow(attributes);
  op.groups = attributes.integerOr("groups", 1, 1);
  op.parts = {part};
  return op;
}

Op readBatchNorm(const Fields& attributes, const Fields& tensors) {
  Norm op;
  op.mean = tensors.string("mean");
  op.variance = tensors.string("variance");
  op.scale = tensors.stringOr("scale", "");
  op.shift = tensors.stringOr("shift", "");
  op.epsilon = static_cast<float>(attributes.number("epsilon"));
  if (op.epsilon < 0) throw attributes.wrong("epsilon", "a number of at least 0");
  return op;
}

Op readAffine(const Fields&, const Fields& tensors) {
  Norm op;
  op.scale = tensors.stringOr("scale", "");
  op.shift = tensors.stringOr("shift", "");
  return op;
}

Op readRelu(const Fields&, const Fields&) {
  return Activation{Activation::Kind::relu, {}};
}
Op readRelu6(const Fields&, const Fields&) {
  return Activation{Activation::Kind::relu6, {}};
}
Op readPrelu(const Fields&, const Fields& tensors) {
  return Activation{Activation::Kind::prelu, tensors.string("slope")};
}

Op readSigmoid(const Fields&, const Fields&) {
  return Activation{Activation::Kind::sigmoid, {}};
}

template <Pool::Kind kind>
Op readPool(const Fields& attributes, const Fields&) {
  Pool op;
  op.kind = kind;
  op.window = readWindow(attributes);
  op.window.rounding =
      attributes.oneOf<Rounding, 2>("rounding", {{"floor", Rounding::floor}, {"ceil", Rounding::ceil}}, true);
  op.countPadding = attributes.booleanOr("countPadding", false);
  op.mean = attributes.booleanOr("mean", false);
  return op;
}

Op readGlobalPool(const Fields& attributes, const Fields&) {
  using Kind = Pool::Kind;
  Pool op;
  op.kind = attributes.oneOf<Kind, 3>("kind", {{"max", Kind::max}, {"avg", Kind::avg}, {"l2", Kind::l2}});
  op.mean = attributes.booleanOr("mean", false);
  op.global = true;
  return op;
}

Op readLrn(const Fields& attributes, const Fields&) {
  Lrn op;
  op.size = attributes.integer("size", 1);
  op.alpha = static_cast<float>(attributes.number("alpha"));
  op.beta = static_cast<float>(attributes.number("beta"));
  op.bias = static_cast<float>(attributes.number("bias"));
  op.alphaPerWindow = attributes.oneOf<bool, 2>("alphaPer", {{"element", false}, {"window", true}});
  return op;
}

Op readFullyConnected(const Fields& attributes, const Fields& tensors) {
  FullyConnected op;
  op.weight = tensors.string("weight");
  op.bias = tensors.stringOr("bias", "");
  op.outFeatures = attributes.integer("outFeatures", 1);
  op.channelsFirst = attributes.oneOf<bool, 2>("order", {{"chw", true}, {"hwc", false}}, true);
  return op;
}

Op readMaxout(const Fields& attributes, const Fields&) {
  return Maxout{attributes.integer("pieces", 1)};
}
Op readConcat(const Fields&, const Fields&) {
  return Concat{};
}
Op readAdd(const Fields& attributes, const Fields&) {
  return Add{static_cast<float>(attributes.numberOr("factor", 1)), {}};
}

Op readZeroPad(const Fields& attributes, const Fields&) {
  ZeroPad op;
  if (attributes.has("padding")) {
    const auto padding = attributes.integers("padding", 0, 4);
    op.top = padding[0], op.left = padding[1], op.bottom = padding[2], op.right = padding[3];
  }
  op.channels = attributes.integerOr("channels", 0, 0);
  return op;
}

Op readUpsample(const Fields& attributes, const Fields&) {
  return Upsample{attributes.integer("factor", 1)};
}

Op readL2Normalize(const Fields& attributes, const Fields&) {
  L2Normalize op;
  op.epsilon = static_cast<float>(attributes.numberOr("epsilon", op.epsilon));
  if (op.epsilon < 0) throw attributes.wrong("epsilon", "a number of at least 0");
  return op;
}

struct OpReader {
  std::string_view name;
  Op (*read)(const Fields& attributes, const Fields& tensors);
};

constexpr OpReader readers[] = {
    {"preprocess", readPreprocess},
    {"conv2d", readConv2d},
    {"batch_norm", readBatchNorm},
    {"affine", readAffine},
    {"relu", readRelu},
    {"relu6", readRelu6},
    {"prelu", readPrelu},
    {"sigmoid", readSigmoid},
    {"max_pool", readPool<Pool::Kind::max>},
    {"avg_pool", readPool<Pool::Kind::avg>},
    {"l2_pool", readPool<Pool::Kind::l2>},
    {"global_pool", readGlobalPool},
    {"lrn", readLrn},
    {"fully_connected", readFullyConnected},
    {"maxout", readMaxout},
    {"concat", readConcat},
    {"add", readAdd},
    {"zero_pad", readZeroPad},
    {"upsample", readUpsample},
    {"l2_normalize", readL2Normalize},
};

Node readNode(const Napi::Value& value, uint32_t index) {
  const std::string name = Fields(value, text("node ", index), Fields::Kind::model).string("name");
  const Fields fields(value, "node " + name, Fields::Kind::model);
  const std::string op = fields.string("op");
  const auto reader = std::ranges::find(readers, op, &OpReader::name);
  if (reader == std::end(readers)) {
    std::string expected = "one of";
    for (const OpReader& known : readers) expected += text(" '", known.name, "'");
    throw fields.wrong("op", expected);
  }
  return {name, reader->read(fields.object("attributes"), fields.object("tensors")),
          fields.strings("inputs")};
}

}  // namespace

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
