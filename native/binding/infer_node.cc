#include "native/binding/infer_node.h"

#include "native/binding/read_graph.h"

namespace facenet::binding {
namespace {

template <class Values, class Convert>
Napi::Array toArray(Napi::Env env, const Values& values, Convert&& convert) {
  Napi::Array result = Napi::Array::New(env, values.size());
  uint32_t i = 0;
  for (const auto& value : values) result.Set(i++, convert(value));
  return result;
}

Napi::Value number(Napi::Env env, int64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

std::vector<Shape> readShapes(const Napi::Array& values) {
  std::vector<Shape> shapes;
  for (uint32_t i = 0; i < values.Length(); ++i) {
    const Napi::Array extents = Napi::Value(values[i]).As<Napi::Array>();
    const auto extent = [&](uint32_t axis) { return Napi::Value(extents[axis]).ToNumber().Int64Value(); };
    shapes.push_back({extent(0), extent(1), extent(2)});
  }
  return shapes;
}

}  // namespace

Napi::Value inferNode(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Node node = readNode(info[0], 0);
  const std::vector<Shape> inputs = readShapes(info[1].As<Napi::Array>());
  const Shape shape = inferShape(node.op, inputs, node.name);
  const auto numbers = [&](const auto& values) {
    return toArray(env, values, [&](int64_t value) { return number(env, value); });
  };
  Napi::Object result = Napi::Object::New(env);
  result.Set("shape", numbers(std::array{shape.height, shape.width, shape.channels}));
  result.Set("parameters", number(env, parameterCount(node.op, inputs)));
  result.Set("multiplyAdds", number(env, multiplyAdds(node.op, inputs, shape)));
  result.Set("tensors", toArray(env, tensorsOf(node.op, inputs.front()), [&](const OpTensor& tensor) {
               Napi::Object entry = Napi::Object::New(env);
               entry.Set("name", tensor.name);
               entry.Set("role", roleName(tensor.role));
               entry.Set("shape", numbers(tensor.shape));
               return entry;
             }));
  return result;
}

Napi::Value listOps(Napi::Env env) {
  return toArray(env, opNames(),
                 [&](std::string_view name) { return Napi::String::New(env, std::string(name)); });
}

}  // namespace facenet::binding
