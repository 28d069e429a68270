// Tests of the emulator and of kernels in it. TEST("name") { expect(condition, "what went wrong"); }
#pragma once

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/emulator.h"
#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/core/error.h"

namespace emulator::tests {

struct Test {
  const char* name;
  void (*body)();
};
inline std::vector<Test>& all() {
  static std::vector<Test> tests;
  return tests;
}

struct Registration {
  Registration(const char* name, void (*body)()) { all().push_back({name, body}); }
};

#define FACENET_JOIN_(a, b) a##b
#define FACENET_JOIN(a, b) FACENET_JOIN_(a, b)
#define TEST(name)                                                                   \
  static void FACENET_JOIN(test, __LINE__)();                                        \
  static const ::emulator::tests::Registration FACENET_JOIN(registration, __LINE__)( \
      name, FACENET_JOIN(test, __LINE__));                                           \
  static void FACENET_JOIN(test, __LINE__)()

// Whether a runner's arguments choose a test: all of them where there are none, else those whose names contain one.
inline bool isChosen(const Test& test, int argc, char** argv) {
  const auto named = [&](const char* part) {
    return std::string_view(test.name).find(part) != std::string_view::npos;
  };
  return argc == 1 || std::any_of(argv + 1, argv + argc, named);
}

// Throws with the parts of the message.
template <class... Parts>
void expect(bool condition, const Parts&... message) {
  if (!condition) throw std::runtime_error(facenet::text(message...));
}

// Runs `body` and expects a report with all of these parts.
void expectReport(const std::function<void()>& body, const std::vector<std::string>& parts);

// Runs `body` in the three thread orders.
void inEveryOrder(const std::function<void()>& body);

// Counts of what `body` does, with transactions.
Counters count(const std::function<void()>& body);

inline std::vector<float> randomValues(size_t count, unsigned seed, float low = -1, float high = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

// A copy of host values on the device.
template <class T>
facenet::cuda::DeviceBuffer<T> onDevice(const std::vector<T>& values) {
  facenet::cuda::DeviceBuffer<T> buffer(static_cast<int64_t>(values.size()));
  buffer.copyFrom(values.data());
  return buffer;
}
template <class T>
std::vector<T> onHost(const facenet::cuda::DeviceBuffer<T>& buffer) {
  std::vector<T> values(static_cast<size_t>(buffer.count()));
  buffer.copyTo(values.data());
  return values;
}

}  // namespace emulator::tests
