// Runs all tests, or those whose names contain one of the arguments, on the first GPU. One line per test, "ok <name>", "skip
// <name>: <why>" or "not ok <name>: <why>", and "ran <count>" at the end.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <string_view>

#include "test/kernels/test.h"

namespace emulator {

Options& options() {
  static Options options;
  return options;
}

namespace tests {
namespace {

struct Skipped : std::runtime_error {
  using runtime_error::runtime_error;
};

}  // namespace

void expectReport(const std::function<void()>&, const std::vector<std::string>&) {
  throw Skipped("only the emulator reports misuse");
}

void inEveryOrder(const std::function<void()>& body) {
  body();
}

Counters count(const std::function<void()>& body) {
  body();
  throw Skipped("it ran, but only the emulator counts accesses");
}

}  // namespace tests
}  // namespace emulator

int main(int argc, char** argv) {
  int failed = 0, ran = 0;
  for (const auto& test : emulator::tests::all()) {
    if (!emulator::tests::isChosen(test, argc, argv)) continue;
    ++ran;
    const char* result = "ok";
    std::string why;
    try {
      test.body();
    } catch (const emulator::tests::Skipped& skipped) {
      result = "skip", why = skipped.what();
    } catch (const std::exception& error) {
      result = "not ok", why = error.what();
    }
    if (result == std::string_view("not ok")) ++failed;
    std::printf("%s %s%s%s\n", result, test.name, why.empty() ? "" : ": ", why.c_str());
    std::fflush(stdout);
    // After an error like an illegal address nothing works any more.
    if (cudaDeviceSynchronize() != cudaSuccess) {
      std::printf("the device is lost\n");
      return 2;
    }
  }
  std::printf("ran %d\n", ran);
  return failed == 0 ? 0 : 1;
}
