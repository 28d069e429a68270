// What tests of kernels measure, and how they say it.
#pragma once

#include <cmath>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace facenet::train::test {

inline double largest(const std::vector<float>& values) {
  double most = 0;
  for (float value : values) most = std::max(most, std::fabs(static_cast<double>(value)));
  return most;
}

// NaN where any value is.
inline double largestError(const std::vector<float>& actual, const std::vector<float>& expected) {
  double most = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::fabs(static_cast<double>(actual[i]) - expected[i]);
    if (!(error <= most)) most = error;
  }
  return most;
}

// <program> <cases, as test/cases/text.ts writes them> [part of the names of tests to run]
inline int run(int argc, char** argv, int (*body)(const std::string& path, const std::string& wanted)) {
  try {
    if (argc < 2) throw std::runtime_error("expected the path of the cases as the first argument");
    return body(argv[1], argc > 2 ? argv[2] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}

// Prints a line for the test where its name has `wanted` in it; check() gives the problem or nothing.
template <class Check>
bool report(const std::string& name, const std::string& wanted, Check check, int& ran) {
  if (name.find(wanted) == std::string::npos) return true;
  std::string problem;
  try {
    problem = check();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  ++ran;
  if (problem.empty())
    std::printf("ok %s\n", name.c_str());
  else
    std::printf("not ok %s: %s\n", name.c_str(), problem.c_str());
  std::fflush(stdout);
  return problem.empty();
}

}  // namespace facenet::train::test
