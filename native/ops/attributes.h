// What a graph says of a node: its attributes, or the names of its tensors. Where they come from is the caller's
// matter; native/binding reads them from JavaScript objects. Whatever does not fit is thrown as an error that names
// the field, what was expected and what came.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "native/core/error.h"

namespace facenet {

class Attributes {
 public:
  virtual ~Attributes() = default;

  virtual bool has(const char* name) const = 0;
  virtual std::string string(const char* name) const = 0;
  virtual std::optional<std::string> word(const char* name) const = 0;  // nothing where it is no string
  virtual bool boolean(const char* name) const = 0;
  virtual double number(const char* name) const = 0;  // finite
  virtual int64_t integer(const char* name, int64_t low, int64_t high) const = 0;
  virtual std::vector<int64_t> integers(const char* name, int64_t low) const = 0;
  virtual std::vector<double> numbers(const char* name) const = 0;
  // "Expected <expected> for <name> of <the node> but received <the field's value>".
  virtual Error wrong(const char* name, const std::string& expected) const = 0;

  int64_t integer(const char* name, int64_t low) const {
    return integer(name, low, std::numeric_limits<int32_t>::max());
  }
  std::vector<int64_t> integers(const char* name, int64_t low, size_t count) const {
    std::vector<int64_t> result = integers(name, low);
    if (result.size() != count) throw wrong(name, text("an array of ", count, " integers"));
    return result;
  }
  float real(const char* name) const { return static_cast<float>(number(name)); }

  // `fallback` where the field is missing.
  std::string stringOr(const char* name, const std::string& fallback) const {
    return has(name) ? string(name) : fallback;
  }
  bool booleanOr(const char* name, bool fallback) const { return has(name) ? boolean(name) : fallback; }
  double numberOr(const char* name, double fallback) const { return has(name) ? number(name) : fallback; }
  float realOr(const char* name, float fallback) const { return has(name) ? real(name) : fallback; }
  int64_t integerOr(const char* name, int64_t low, int64_t fallback) const {
    return has(name) ? integer(name, low) : fallback;
  }

  // What the field's string stands for. The first choice is the default where `optional`.
  template <class T, size_t N>
  T oneOf(const char* name, const std::pair<const char*, T> (&choices)[N], bool optional = false) const {
    if (optional && !has(name)) return choices[0].second;
    const std::optional<std::string> value = word(name);
    std::string expected = "one of";
    for (const auto& [choice, result] : choices) {
      if (value == choice) return result;
      expected += text(" '", choice, "'");
    }
    throw wrong(name, expected);
  }
};

// A node as a graph describes it.
struct NodeFields {
  std::string_view op;  // its name
  const Attributes& attributes;
  const Attributes& tensors;  // what its tensors are called
};

}  // namespace facenet
