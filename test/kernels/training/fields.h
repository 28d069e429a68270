// A node's attributes as words, for the ops' own readers.
#pragma once

#include <charconv>
#include <map>
#include <string>
#include <vector>

#include "native/ops/attributes.h"

namespace facenet::train::test {

using Words = std::vector<std::string>;

template <class Number>
Number numberOf(const std::string& word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    throw std::runtime_error(word + " is no number");
  return value;
}

template <class Number>
std::vector<Number> numbersOf(const Words& words) {
  std::vector<Number> values;
  for (const std::string& word : words) values.push_back(numberOf<Number>(word));
  return values;
}

class WordFields : public Attributes {
 public:
  std::map<std::string, Words> values;

  bool has(const char* name) const override { return values.contains(name); }
  std::string string(const char* name) const override { return one(name); }
  std::optional<std::string> word(const char* name) const override {
    return has(name) ? std::optional(one(name)) : std::nullopt;
  }
  bool boolean(const char* name) const override { return one(name) == "true"; }
  double number(const char* name) const override { return numberOf<double>(one(name)); }
  int64_t integer(const char* name, int64_t low, int64_t high) const override {
    const auto value = numberOf<int64_t>(one(name));
    if (value < low || value > high) throw wrong(name, text("an integer in ", low, "..", high));
    return value;
  }
  std::vector<int64_t> integers(const char* name, int64_t) const override {
    return numbersOf<int64_t>(all(name));
  }
  std::vector<double> numbers(const char* name) const override { return numbersOf<double>(all(name)); }
  Error wrong(const char* name, const std::string& expected) const override {
    return invalidModel(name, expected, has(name) ? one(name) : "nothing");
  }
  using Attributes::integer;
  using Attributes::integers;

 private:
  const Words& all(const char* name) const {
    const auto found = values.find(name);
    if (found == values.end()) throw std::runtime_error(text("no ", name));
    return found->second;
  }
  const std::string& one(const char* name) const { return all(name).at(0); }
};

}  // namespace facenet::train::test
