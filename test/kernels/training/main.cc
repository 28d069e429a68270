// Holds the backward of every op against finite differences, and the CPU backend against the reference.
// Prints "ok <test>" or "not ok <test>: <problem>" a line, and "ran <count>" at the end.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "case.h"
#include "forward_loops.h"
#include "native/backends/cpu/backend.h"
#include "native/backends/reference/backend.h"
#include "native/backends/reference/kernels.h"
#include "report.h"

namespace facenet::train::test {
namespace {

// The gradient that a finite difference gives for one element; NaN where the two sides disagree, because a
// kink is near.
double slopeAt(const Bench& bench, const TrainKernel& kernel, size_t tensor, int64_t index) {
  // Small beside the inputs: of a row of small numbers the direction turns with a small step.
  const double step = std::min(1.0 / 256, (bench.item().high - bench.item().low) / 1024.0);
  const double here = bench.loss(kernel, tensor, index, 0);
  const double above = (bench.loss(kernel, tensor, index, step) - here) / step;
  const double below = (here - bench.loss(kernel, tensor, index, -step)) / step;
  const double middle = (above + below) / 2;
  return std::fabs(above - below) <= 0.004 + 0.004 * std::fabs(middle) ? middle : NAN;
}

// Some elements of every gradient of the reference against finite differences of its forward.
std::string checkDifferences(const Bench& bench) {
  const auto kernel = makeReferenceTrainKernel(bench.context());
  Case fresh = bench.item();
  const Results results = bench.run(*kernel, 1);
  const size_t inputs = fresh.inputs.size();
  std::mt19937 generator(1);
  int64_t checked = 0, skipped = 0;
  std::string problem;
  const auto check = [&](size_t tensor, int64_t index, double gradient, double scale,
                         const std::string& name) {
    const double slope = slopeAt(bench, *kernel, tensor, index);
    if (std::isnan(slope)) return void(++skipped);
    ++checked;
    if (!(std::fabs(slope - gradient) <= 2e-3 * scale + 2e-3) && problem.empty())
      problem = text(name, "[", index, "] is ", gradient, ", finite differences give ", slope);
  };
  for (size_t i = 0; i < results.names.size(); ++i) {
    const std::string& name = results.names[i];
    const auto count = static_cast<int64_t>(results.values[i].size());
    const double scale = largest(results.values[i]);
    for (int trial = 0; trial < 12; ++trial) {
      const int64_t index = static_cast<int64_t>(generator() % static_cast<uint64_t>(count));
      if (name.starts_with("dx")) {
        check(static_cast<size_t>(name[2] - '0'), index, results.values[i][static_cast<size_t>(index)], scale,
              name);
      } else if (name.starts_with("d")) {
        const Parameter& parameter = bench.parameters().at(name.substr(1));
        const int64_t at = parameter.offset + index;
        check(inputs, at, results.values[i][static_cast<size_t>(index)] - bench.gradientBefore(at), scale,
              name);
      }
    }
  }
  if (problem.empty() && checked < 2 * skipped)
    problem = text("only ", checked, " elements are away from kinks");
  return problem;
}

// The tolerance of the project: at most twice the error of a plain fp32 loop, and 4 ulp of the largest value
// where that loop happens to be nearly exact. Winograd's transforms multiply by up to 8 and cancel again: its
// error is several times that of a direct sum, measured up to 18 times, over 256 channels.
// Products in bf16 of values that bf16 holds are exact: what is left is the order of sums.
std::string checkCpu(const Bench& bench, DType products, int threads) {
  const auto reference = makeReferenceTrainKernel(bench.context());
  const auto kernel = makeCpuTrainKernel(bench.context(products));
  const auto loops = reference::makeTrainKernel(bench.context(), reference::Precision::fp32);
  const Results expected = bench.run(*reference, 1);
  const Results actual = bench.run(*kernel, threads, &expected);
  Results plain = bench.run(*loops, 1, &expected);
  forwardInFloat(bench, plain);
  const bool winograd = kernel->describe().find("winograd") != std::string::npos;
  for (size_t i = 0; i < expected.names.size(); ++i) {
    const double floor = 4 * largest(expected.values[i]) * std::numeric_limits<float>::epsilon();
    const double loop = largestError(plain.values[i], expected.values[i]);
    const double error = largestError(actual.values[i], expected.values[i]);
    const double allowed = (winograd ? 10 : 1) * (floor + 2 * loop);
    if (!(error <= allowed)) return text(expected.names[i], ": error ", error, " is above ", allowed);
  }
  return "";
}

std::string checkRepeatable(const Bench& bench, DType products) {
  const auto kernel = makeCpuTrainKernel(bench.context(products));
  const Results first = bench.run(*kernel, 1);
  for (int threads : {1, 2, 3}) {
    const Results again = bench.run(*kernel, threads);
    for (size_t i = 0; i < first.values.size(); ++i)
      if (std::memcmp(first.values[i].data(), again.values[i].data(), first.values[i].size() * sizeof(float)))
        return text(first.names[i], " differs with ", threads, " threads");
  }
  return "";
}

// Whether this machine multiplies the op in bf16.
bool multipliesBf16(const Bench& bench) {
  return makeCpuTrainKernel(bench.context(DType::bf16))->describe().find("bf16") != std::string::npos;
}

int main(const std::string& path, const std::string& wanted) {
  bool passed = true;
  int ran = 0;
  for (const Case& item : allCases(path)) {
    const Bench bench(item);
    if (!item.slack && !item.inPlace && !item.levels)  // the formulas are those of the plain case
      passed &=
          report(item.name + " (finite differences)", wanted, [&] { return checkDifferences(bench); }, ran);
    passed &= report(item.name + " (cpu)", wanted, [&] { return checkCpu(bench, DType::f32, 2); }, ran);
    passed &= report(
        item.name + " (cpu, repeated)", wanted, [&] { return checkRepeatable(bench, DType::f32); }, ran);
    if (!multipliesBf16(bench)) continue;
    passed &= report(
        item.name + " (cpu bf16)", wanted,
        [&] { return checkCpu(Bench(item, {.rounding = DType::bf16}), DType::bf16, 2); }, ran);
    passed &= report(
        item.name + " (cpu bf16, repeated)", wanted, [&] { return checkRepeatable(bench, DType::bf16); },
        ran);
  }
  std::printf("ran %d\n", ran);
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace facenet::train::test

int main(int argc, char** argv) {
  return facenet::train::test::run(argc, argv, facenet::train::test::main);
}
