#include "native/binding/options.h"

namespace facenet::binding {
namespace {

const char* typeName(napi_typedarray_type type) {
  switch (type) {
    case napi_uint8_array: return "Uint8Array";
    case napi_int32_array: return "Int32Array";
    default: return "Float32Array";
  }
}

}  // namespace

Device readDevice(const Napi::Value& value) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  if (name == "cuda") return Device::cuda;
  if (name == "cpu") return Device::cpu;
  if (name == "reference") return Device::reference;
  throw invalidArgument("device", "one of 'cuda' 'cpu' 'reference'", describe(value));
}

PlanOptions readPlanOptions(const Fields& options) {
  PlanOptions result;
  result.dtype = options.oneOf<DType, 3>(
      "dtype", {{"f32", DType::f32}, {"bf16", DType::bf16}, {"f16", DType::f16}}, true);
  result.fold = options.booleanOr("fold", result.fold);
  result.fuse = options.booleanOr("fuse", result.fuse);
  result.mergeSiblings = options.booleanOr("mergeSiblings", result.mergeSiblings);
  result.fuseStem = options.booleanOr("fuseStem", result.fuseStem);
  result.concatInPlace = options.booleanOr("concatInPlace", result.concatInPlace);
  return result;
}

Napi::TypedArray readTypedArray(const Napi::Value& value, const std::string& argument,
                                napi_typedarray_type type, int64_t elements) {
  const std::string expected =
      elements < 0 ? std::string("a ") + typeName(type) : text("a ", typeName(type), " of ", elements);
  if (!value.IsTypedArray()) throw invalidArgument(argument, expected, describe(value));
  const Napi::TypedArray array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != type) throw invalidArgument(argument, expected, "another typed array");
  const auto length = static_cast<int64_t>(array.ElementLength());
  if (elements >= 0 && length != elements) throw invalidArgument(argument, expected, text("one of ", length));
  const Napi::Object buffer = array.Get("buffer").As<Napi::Object>();
  if (buffer.Get("resizable").ToBoolean() || buffer.Get("growable").ToBoolean())
    throw invalidArgument(argument, "memory of fixed size", "a resizable buffer");
  return array;
}

}  // namespace facenet::binding
