#include "native/binding/fields.h"

#include <cmath>
#include <limits>

namespace facenet::binding {
namespace {

bool isInteger(const Napi::Value& value, int64_t low, int64_t high) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  return std::abs(number) <= static_cast<double>(largestExact) && number == std::floor(number) &&
         number >= static_cast<double>(low) && number <= static_cast<double>(high);
}

bool isFinite(const Napi::Value& value) {
  return value.IsNumber() && std::isfinite(value.As<Napi::Number>().DoubleValue());
}

}  // namespace

std::string describe(const Napi::Value& value) {
  constexpr size_t shown = 80;
  if (value.IsString()) {
    const std::string content = value.As<Napi::String>().Utf8Value();
    return "\"" + (content.size() > shown ? content.substr(0, shown - 3) + "..." : content) + "\"";
  }
  if (value.IsArray()) return text("an array of ", value.As<Napi::Array>().Length());
  if (value.IsTypedArray()) return text("a typed array of ", value.As<Napi::TypedArray>().ElementLength());
  if (value.IsFunction()) return "a function";
  if (value.IsObject()) return "an object";
  if (value.IsSymbol()) return "a symbol";
  return value.ToString().Utf8Value();
}

int64_t readInteger(const Napi::Value& value, const std::string& argument, int64_t low, int64_t high) {
  if (!isInteger(value, low, high))
    throw invalidArgument(argument, text("an integer in ", low, "..", high), describe(value));
  return value.As<Napi::Number>().Int64Value();
}

Fields::Fields(const Napi::Value& value, std::string owner, Kind kind)
    : owner_(std::move(owner)), kind_(kind) {
  if (value.IsUndefined()) return;
  if (!value.IsObject()) throw error(owner_, "an object", describe(value));
  object_ = value.As<Napi::Object>();
}

Napi::Value Fields::get(const char* name) const {
  return object_ ? object_->Get(name) : Napi::Value();
}

bool Fields::has(const char* name) const {
  const Napi::Value value = get(name);
  return !value.IsEmpty() && !value.IsUndefined();
}

std::string Fields::string(const char* name) const {
  if (!has(name) || !get(name).IsString()) throw wrong(name, "a string");
  return get(name).As<Napi::String>().Utf8Value();
}

std::optional<std::string> Fields::word(const char* name) const {
  if (!has(name) || !get(name).IsString()) return std::nullopt;
  return get(name).As<Napi::String>().Utf8Value();
}

bool Fields::boolean(const char* name) const {
  if (!has(name) || !get(name).IsBoolean()) throw wrong(name, "a boolean");
  return get(name).As<Napi::Boolean>().Value();
}

double Fields::number(const char* name) const {
  if (!has(name) || !isFinite(get(name))) throw wrong(name, "a finite number");
  return get(name).As<Napi::Number>().DoubleValue();
}

int64_t Fields::integer(const char* name, int64_t low, int64_t high) const {
  if (!has(name) || !isInteger(get(name), low, high))
    throw wrong(name, text("an integer in ", low, "..", high));
  return get(name).As<Napi::Number>().Int64Value();
}

Napi::Array Fields::array(const char* name) const {
  if (!has(name) || !get(name).IsArray()) throw wrong(name, "an array");
  return get(name).As<Napi::Array>();
}

std::vector<int64_t> Fields::integers(const char* name, int64_t low) const {
  const Napi::Array values = array(name);
  std::vector<int64_t> result;
  for (uint32_t i = 0; i < values.Length(); ++i) {
    const Napi::Value value = values[i];
    if (!isInteger(value, low, std::numeric_limits<int32_t>::max()))
      throw wrong(name, text("integers of at least ", low));
    result.push_back(value.As<Napi::Number>().Int64Value());
  }
  return result;
}

std::vector<double> Fields::numbers(const char* name) const {
  const Napi::Array values = array(name);
  std::vector<double> result;
  for (uint32_t i = 0; i < values.Length(); ++i) {
    const Napi::Value value = values[i];
    if (!isFinite(value)) throw wrong(name, "finite numbers");
    result.push_back(value.As<Napi::Number>().DoubleValue());
  }
  return result;
}

std::vector<std::string> Fields::strings(const char* name) const {
  const Napi::Array values = array(name);
  std::vector<std::string> result;
  for (uint32_t i = 0; i < values.Length(); ++i) {
    const Napi::Value value = values[i];
    if (!value.IsString()) throw wrong(name, "strings");
    result.push_back(value.As<Napi::String>().Utf8Value());
  }
  return result;
}

Fields Fields::object(const char* name) const {
  if (has(name) && !get(name).IsObject()) throw wrong(name, "an object");
  return Fields(has(name) ? get(name)
                : object_ ? object_->Env().Undefined()
                          : Napi::Value(),
                text(name, " of ", owner_), kind_);
}

Error Fields::wrong(const char* name, const std::string& expected) const {
  return error(text(name, " of ", owner_), expected, has(name) ? describe(get(name)) : "nothing");
}

Error Fields::error(const std::string& argument, const std::string& expected,
                    const std::string& received) const {
  return kind_ == Kind::model ? invalidModel(argument, expected, received)
                              : invalidArgument(argument, expected, received);
}

}  // namespace facenet::binding
