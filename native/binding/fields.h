// Reads the fields of a plain JavaScript object. Errors name the object, the field, what was expected and
// what came.
#pragma once

#include <napi.h>

#include <optional>
#include <string>
#include <vector>

#include "native/ops/attributes.h"

namespace facenet::binding {

constexpr int64_t largestExact = 9007199254740991;  // 2^53 - 1, of the integers that a number holds exactly

// A short rendering of any value: `"conv1"`, `3`, `an array of 2`.
std::string describe(const Napi::Value& value);

int64_t readInteger(const Napi::Value& value, const std::string& argument, int64_t low,
                    int64_t high = largestExact);

class Fields : public Attributes {
 public:
  enum class Kind { argument, model };  // chooses the error code

  // `owner` names the object in messages. Undefined counts as an object without fields.
  Fields(const Napi::Value& value, std::string owner, Kind kind);

  Napi::Value get(const char* name) const;
  Napi::Array array(const char* name) const;
  Fields object(const char* name) const;
  std::vector<std::string> strings(const char* name) const;

  bool has(const char* name) const override;
  std::string string(const char* name) const override;
  std::optional<std::string> word(const char* name) const override;
  bool boolean(const char* name) const override;
  double number(const char* name) const override;
  int64_t integer(const char* name, int64_t low, int64_t high) const override;
  std::vector<int64_t> integers(const char* name, int64_t low) const override;
  std::vector<double> numbers(const char* name) const override;
  Error wrong(const char* name, const std::string& expected) const override;
  using Attributes::integer;
  using Attributes::integers;

 private:
  Error error(const std::string& argument, const std::string& expected, const std::string& received) const;

  std::optional<Napi::Object> object_;
  std::string owner_;
  Kind kind_;
};

}  // namespace facenet::binding
