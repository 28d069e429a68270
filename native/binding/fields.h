// Reads the fields of a plain JavaScript object. Errors name the object, the field, what was expected and
// what came.
#pragma once

#include <napi.h>

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "native/core/error.h"

namespace facenet::binding {

// A short rendering of any value: `"conv1"`, `3`, `an array of 2`.
std::string describe(const Napi::Value& value);

class Fields {
 public:
  enum class Kind { argument, model };  // chooses the error code

  // `owner` names the object in messages. Undefined counts as an object without fields.
  Fields(const Napi::Value& value, std::string owner, Kind kind);

  bool has(const char* name) const;
  Napi::Value get(const char* name) const;

  std::string string(const char* name) const;
  std::string stringOr(const char* name, const std::string& fallback) const;
  bool booleanOr(const char* name, bool fallback) const;
  double number(const char* name) const;  // finite
  double numberOr(const char* name, double fallback) const;
  int64_t integer(const char* name, int64_t low, int64_t high = std::numeric_limits<int32_t>::max()) const;
  int64_t integerOr(const char* name, int64_t low, int64_t fallback) const;
  std::vector<int64_t> integers(const char* name, int64_t low) const;
  std::vector<int64_t> integers(const char* name, int64_t low, size_t count) const;
  std::vector<double> numbers(const char* name) const;
  std::vector<std::string> strings(const char* name) const;
  Napi::Array array(const char* name) const;
  Fields object(const char* name) const;

  // The value that the field's string stands for. The first choice is the default where `optional`.
  template <class T, size_t N>
  T oneOf(const char* name, const std::pair<const char*, T> (&choices)[N], bool optional = false) const {
    if (optional && !has(name)) return choices[0].second;
    const Napi::Value value = get(name);
    std::string expected = "one of";
    for (const auto& [word, result] : choices) {
      if (value.IsString() && value.As<Napi::String>().Utf8Value() == word) return result;
      expected += text(" '", word, "'");
    }
    throw wrong(name, expected);
  }

  // "Expected <expected> for <field> of <owner> but received <the field's value>".
  Error wrong(const char* name, const std::string& expected) const;

 private:
  Error error(const std::string& argument, const std::string& expected, const std::string& received) const;

  std::optional<Napi::Object> object_;
  std::string owner_;
  Kind kind_;
};

}  // namespace facenet::binding
