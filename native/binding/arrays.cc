#include "native/binding/arrays.h"

#include "native/binding/fields.h"

namespace facenet::binding {
namespace {

const char* typeName(napi_typedarray_type type) {
  switch (type) {
    case napi_uint8_array: return "Uint8Array";
    case napi_int32_array: return "Int32Array";
    default: return "Float32Array";
  }
}

// "12", or "4611686018427387904 x 3" of numbers whose product no array has.
std::string lengthOf(const std::initializer_list<int64_t>& extents, int64_t& length) {
  length = 1;
  bool fits = true;
  std::string factors;
  for (const int64_t extent : extents) {
    fits = !__builtin_mul_overflow(length, extent, &length) && fits;
    factors += text(factors.empty() ? "" : " x ", extent);
  }
  if (!fits) length = -1;
  return fits ? text(length) : factors;
}

}  // namespace

Napi::TypedArray Arrays::add(const Napi::Value& value, const std::string& argument, napi_typedarray_type type,
                             const std::initializer_list<int64_t>* extents) {
  int64_t length = 0;
  std::string expected = text("a ", typeName(type));
  if (extents) expected += " of " + lengthOf(*extents, length);
  if (!value.IsTypedArray()) throw invalidArgument(argument, expected, describe(value));
  const Napi::TypedArray array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != type) throw invalidArgument(argument, expected, "another typed array");
  if (extents && static_cast<int64_t>(array.ElementLength()) != length)
    throw invalidArgument(argument, expected, text("one of ", array.ElementLength()));
  const Napi::Object buffer = array.Get("buffer").As<Napi::Object>();
  if (buffer.Get("resizable").ToBoolean() || buffer.Get("growable").ToBoolean())
    throw invalidArgument(argument, "memory of fixed size", "a resizable buffer");
  arrays_.push_back(array);
  return array;
}

}  // namespace facenet::binding
