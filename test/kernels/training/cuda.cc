// Holds the CUDA backend against the reference, on a device or in the emulator in every order of its threads.
// Prints what main.cc prints.
#include <limits>

#include "case.h"
#include "forward_loops.h"
#include "native/backends/cuda/kernels.h"
#include "native/backends/reference/backend.h"
#include "native/backends/reference/kernels.h"
#include "report.h"
#ifdef FACENET_EMULATOR
#include "emulator/emulator.h"
#endif

namespace facenet::train::test {
namespace {

constexpr int64_t alignment = 8;  // of pixels: native/backends/cuda/executor.h

// The rule of main.cc. In bf16 the reference starts from the same rounded values, and a unit in the last place of
// the largest is what storing the results may cost.
std::string check(const Case& item, DType dtype) {
  const Bench oracle(item, {.rounding = dtype});
  const Bench bench(item, {.rounding = dtype, .dtype = dtype, .alignment = alignment, .device = true});
  const auto reference = makeReferenceTrainKernel(oracle.context());
  const auto kernel = facenet::cuda::makeCudaTrainKernel(bench.context(), facenet::cuda::requireDevice());
  const auto loops = reference::makeTrainKernel(oracle.context(), reference::Precision::fp32);
  const Results expected = oracle.run(*reference, 1);
  const Results actual = bench.run(*kernel, 1, &expected);
  Results plain = oracle.run(*loops, 1, &expected);
  forwardInFloat(oracle, plain);
  const double units = dtype == DType::bf16 ? 1.0 / 128 : 4 * std::numeric_limits<float>::epsilon();
  for (size_t i = 0; i < expected.names.size(); ++i) {
    const double floor = units * largest(expected.values[i]);
    const double allowed = floor + 2 * largestError(plain.values[i], expected.values[i]);
    const double error = largestError(actual.values[i], expected.values[i]);
    if (!(error <= allowed)) return text(expected.names[i], ": error ", error, " is above ", allowed);
  }
  return "";
}

// body(what a test's name ends in)
template <class Body>
void inEveryOrder(Body body) {
#ifdef FACENET_EMULATOR
  using emulator::Order;
  const emulator::Options machine = emulator::options();
  const std::pair<Order, const char*> orders[] = {
      {Order::forward, ""}, {Order::reverse, ", reverse"}, {Order::shuffled, ", shuffled"}};
  for (const auto& [order, name] : orders) {
    emulator::options().order = order;
    body(name);
  }
  emulator::options() = machine;
#else
  body("");
#endif
}

int main(const std::string& path, const std::string& wanted) {
#ifdef FACENET_EMULATOR
  emulator::readSettings();
#endif
  bool passed = true;
  int ran = 0;
  for (const Case& item : allCases(path)) {
    if (!item.planned) continue;
    for (const DType dtype : {DType::f32, DType::bf16})
      inEveryOrder([&](const std::string& order) {
        const std::string name = text(item.name, " (cuda ", dtypeName(dtype), order, ")");
        passed &= report(name, wanted, [&] { return check(item, dtype); }, ran);
      });
  }
  std::printf("ran %d\n", ran);
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace facenet::train::test

int main(int argc, char** argv) {
  return facenet::train::test::run(argc, argv, facenet::train::test::main);
}
