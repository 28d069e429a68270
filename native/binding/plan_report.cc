#include "native/binding/plan_report.h"

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

Napi::Object stepReport(Napi::Env env, const Plan& plan, const Step& step) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("name", step.name);
  result.Set("op", opName(step.op));
  result.Set("layers",
             toArray(env, step.layers, [&](const auto& layer) { return Napi::String::New(env, layer); }));
  result.Set("inputs", shapesOf(env, plan, step.inputs));
  result.Set("outputs", shapesOf(env, plan, step.outputs));
  result.Set("parameters", number(env, step.parameters));
  result.Set("multiplyAdds", number(env, step.multiplyAdds));
  result.Set("offsets", toArray(env, step.outputs, [&](int tensor) {
               return number(env, arenaOffset(plan, plan.tensors[tensor]));
             }));
  return result;
}

Napi::Object bufferReport(Napi::Env env, const PlannedBuffer& buffer) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("offset", number(env, buffer.offset));
  result.Set("bytes", number(env, buffer.bytes));
  result.Set("firstStep", number(env, buffer.firstStep));
  result.Set("lastStep", number(env, buffer.lastStep));
  return result;
}

// Buffers in the caller's memory are no pieces of the arena.
Napi::Array arenaReport(Napi::Env env, const Plan& plan) {
  std::vector<PlannedBuffer> pieces;
  for (const PlannedBuffer& buffer : plan.buffers)
    if (buffer.offset >= 0) pieces.push_back(buffer);
  return toArray(env, pieces, [&](const PlannedBuffer& buffer) { return bufferReport(env, buffer); });
}

}  // namespace

Napi::Array shapesOf(Napi::Env env, const Plan& plan, const std::vector<int>& tensors) {
  return toArray(env, tensors, [&](int tensor) {
    const Shape& shape = plan.tensors[tensor].shape;
    return toArray(env, std::array{shape.height, shape.width, shape.channels},
                   [&](int64_t extent) { return number(env, extent); });
  });
}

Napi::Object planReport(Napi::Env env, const Plan& plan) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("name", plan.name);
  result.Set("steps",
             toArray(env, plan.steps, [&](const Step& step) { return stepReport(env, plan, step); }));
  result.Set("parameters", number(env, plan.parameters));
  result.Set("multiplyAdds", number(env, plan.multiplyAdds));
  result.Set("arenaBytes", number(env, plan.arenaBytes));
  result.Set("buffers", arenaReport(env, plan));
  result.Set("chunk", number(env, plan.chunk));
  result.Set("outputs", shapesOf(env, plan, plan.outputs));
  result.Set("text", printPlan(plan));
  return result;
}

}  // namespace facenet::binding
