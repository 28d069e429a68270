// Runs all tests, or those whose names contain one of the arguments. One line per test, "ok <name>" or "not ok <name>:
// <why>", and "ran <count>" at the end. FACENET_EMULATOR chooses the machine (emulator.h).
#include <cstdio>

#include "cuda/common/check.h"
#include "test.h"

namespace emulator::tests {

void expectReport(const std::function<void()>& body, const std::vector<std::string>& parts) {
  try {
    body();
  } catch (const facenet::Error& error) {
    for (const std::string& part : parts)
      expect(std::string(error.what()).find(part) != std::string::npos, "expected '", part,
             "' in: ", error.what());
    facenet::cuda::deviceLost = false;  // the emulated one goes on
    return;
  }
  throw std::runtime_error("nothing was reported, expected '" + parts.front() + "'");
}

void inEveryOrder(const std::function<void()>& body) {
  for (const Order order : {Order::forward, Order::reverse, Order::shuffled}) {
    options().order = order;
    body();
  }
  options().order = Order::forward;
}

Counters count(const std::function<void()>& body) {
  counters() = {};
  options().countTransactions = true;
  body();
  options().countTransactions = false;
  return counters();
}

}  // namespace emulator::tests

int main(int argc, char** argv) {
  emulator::readSettings();
  const emulator::Options machine = emulator::options();
  int failed = 0, ran = 0;
  for (const auto& test : emulator::tests::all()) {
    if (!emulator::tests::isChosen(test, argc, argv)) continue;
    ++ran;
    emulator::options() = machine;
    std::string problem;
    try {
      test.body();
    } catch (const std::exception& error) {
      problem = error.what();
      ++failed;
    }
    if (problem.empty())
      std::printf("ok %s\n", test.name);
    else
      std::printf("not ok %s: %s\n", test.name, problem.c_str());
    std::fflush(stdout);
  }
  std::printf("ran %d\n", ran);
  return failed == 0 ? 0 : 1;
}
