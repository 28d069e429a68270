#include <cstring>

#include "native/backends/cuda/runtime/stream.h"
#include "native/backends/cuda/triplet_step.h"
#include "native/backends/cuda/triplets.h"
#include "native/backends/reference/backend.h"
#include "triplets.h"

namespace emulator::tests {
namespace {

using facenet::LossValue;
using facenet::TripletLoss;
using facenet::TripletMining;
using facenet::Triplets;
using Strategy = TripletMining::Strategy;
using facenet::cuda::TripletStep;
using facenet::train::LossReport;

void expectBits(const std::vector<float>& found, const std::vector<float>& expected,
                const std::string& what) {
  for (size_t i = 0; i < expected.size(); ++i)
    expect(std::memcmp(&found[i], &expected[i], sizeof(float)) == 0, what, ": element ", i, " is ", found[i],
           ", not ", expected[i]);
}

// Sums in fp64 of up to 2^20 terms in another order.
void expectNear(double found, double expected, const std::string& what) {
  expect(std::abs(found - expected) <= 1e-12 * std::abs(expected), what, " is ", found, ", not ", expected);
}

void checkLoss(const LabelledRows& rows, const Triplets& triplets, float margin, const std::string& what) {
  const TripletLoss loss{rows.dimensions, margin};
  std::vector<float> found(rows.x.size(), -1), expected(rows.x.size());
  const LossValue value = facenet::cuda::tripletHostLoss(facenet::cuda::requireDevice(), rows.x.data(),
                                                         rows.n(), viewOf(triplets), loss, found.data());
  const LossValue of =
      facenet::reference::tripletLoss(rows.x.data(), rows.n(), viewOf(triplets), loss, expected.data());
  expect(value.loss == of.loss, what, ": a loss of ", value.loss, ", not ", of.loss);
  expect(value.active == of.active, what, ": ", value.active, " active, not ", of.active);
  expectBits(found, expected, what);
}

// Any triplets, also ones whose rows are the same.
Triplets anyTriplets(int64_t n, int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  const auto row = [&] { return static_cast<int64_t>(random() % static_cast<unsigned>(n)); };
  Triplets triplets;
  for (int64_t t = 0; t < count; ++t) triplets.add(row(), row(), row());
  return triplets;
}

TEST("loss and gradient of given triplets are the reference's, in every order") {
  inEveryOrder([] {
    checkLoss(labelledRows(40, 20, 4, 0, 1), anyTriplets(40, 500, 1), 0.3f, "40 x 20");
    checkLoss(labelledRows(9, 133, 4, 2, 2), anyTriplets(9, 2300, 2), 0.5f, "nine rows");
  });
  checkLoss(labelledRows(3, 1, 2, 0, 3), anyTriplets(3, 5, 3), 4.f, "three numbers");
  checkLoss(labelledRows(50, 300, 2, 0, 4), {}, 0.2f, "no triplets");
  checkLoss({{}, {}, 4}, {}, 0.2f, "no rows");
}

TEST("the loss of more rows than a block counts at once") {
  checkLoss(labelledRows(2100, 3, 2, 0, 5), anyTriplets(2100, 6000, 5), 0.4f, "2100 rows");
}

// What the trainer did of triplets that a host backend has mined.
LossReport expectedStep(const LabelledRows& rows, const Triplets& triplets, float margin,
                        std::vector<float>& gradient) {
  if (triplets.size() == 0) return {};
  std::vector<float> sum(rows.x.size());
  const LossValue value = facenet::reference::tripletLoss(rows.x.data(), rows.n(), viewOf(triplets),
                                                          {rows.dimensions, margin}, sum.data());
  const float share = 1 / static_cast<float>(triplets.size());
  for (size_t i = 0; i < sum.size(); ++i) gradient[i] = sum[i] * share;
  LossReport report{triplets.size(), value.active, value.loss};
  const auto distance = [&](int32_t a, int32_t b) {
    return facenet::squaredDistance(rows.x.data() + a * rows.dimensions, rows.x.data() + b * rows.dimensions,
                                    rows.dimensions);
  };
  for (size_t t = 0; t < triplets.anchors.size(); ++t) {
    const auto count = static_cast<double>(triplets.size());
    report.meanPositive += distance(triplets.anchors[t], triplets.positives[t]) / count;
    report.meanNegative += distance(triplets.anchors[t], triplets.negatives[t]) / count;
  }
  return report;
}

void expectReportSame(const LossReport& found, const LossReport& expected, const std::string& what) {
  expect(found.triplets == expected.triplets && found.active == expected.active, what, ": ", found.active,
         " of ", found.triplets, " active, not ", expected.active, " of ", expected.triplets);
  expectNear(found.lossSum, expected.lossSum, what + ", loss");
  expectNear(found.meanPositive, expected.meanPositive, what + ", mean positive");
  expectNear(found.meanNegative, expected.meanNegative, what + ", mean negative");
}

void checkStep(TripletStep& step, const LabelledRows& rows, float margin, const std::string& what) {
  const facenet::cuda::Stream stream;
  const auto x = onDevice(rows.x);
  for (const Strategy strategy : {Strategy::all, Strategy::semiHard, Strategy::hard}) {
    const std::string name = facenet::text("strategy ", static_cast<int>(strategy), " of ", what);
    const TripletMining mining{rows.dimensions, strategy, margin};
    const Triplets triplets =
        facenet::reference::mineTriplets(rows.x.data(), rows.labels.data(), rows.n(), mining);
    std::vector<float> expected(rows.x.size(), -7);  // stays where there are no triplets
    const LossReport report = expectedStep(rows, triplets, margin, expected);
    const auto gradient = onDevice(std::vector<float>(rows.x.size(), -7));
    expectReportSame(step.run(x.data(), rows.labels.data(), rows.n(), mining, gradient.data(), stream.get()),
                     report, name);
    expectBits(onHost(gradient), expected, name);

    const auto again = onDevice(std::vector<float>(rows.x.size(), -7));
    const TripletLoss loss{rows.dimensions, margin};
    expectReportSame(step.run(x.data(), rows.n(), viewOf(triplets), loss, again.data(), stream.get()), report,
                     name + ", given");
    expectBits(onHost(again), expected, name + ", given");
  }
}

TEST("a step's mining and loss are those of the trainer on the host, in every order") {
  inEveryOrder([] {
    TripletStep step;
    checkStep(step, labelledRows(60, 16, 5, 0, 1), 0.3f, "60 x 16");
    checkStep(step, labelledRows(150, 5, 20, 3, 2), 0.25f, "150 x 5 with ties");
    checkStep(step, labelledRows(17, 133, 3, 0, 3), 4.f, "17 x 133");
  });
}

TEST("steps of one label, single rows, large labels, and then of few again") {
  TripletStep step;
  checkStep(step, labelledRows(30, 8, 1, 0, 4), 0.2f, "one label");
  LabelledRows single = labelledRows(30, 8, 3, 0, 5);
  for (int32_t i = 0; i < 30; ++i) single.labels[static_cast<size_t>(i)] = -i;
  checkStep(step, single, 0.2f, "single rows");
  checkStep(step, labelledRows(200, 6, 2, 0, 6), 0.1f, "two labels");
  checkStep(step, labelledRows(20, 6, 2, 0, 7), 0.1f, "few rows");
}

TEST("a step keeps some bytes a pair, never a matrix") {
  constexpr int64_t kRows = 600, kOfLabel = 3, kPairs = kRows * (kOfLabel - 1);
  LabelledRows rows = labelledRows(kRows, 4, 2, 0, 9);
  for (int32_t i = 0; i < kRows; ++i) rows.labels[static_cast<size_t>(i)] = i / kOfLabel;
  const auto x = onDevice(rows.x), gradient = onDevice(rows.x);
  TripletStep step;
  for (const Strategy strategy : {Strategy::all, Strategy::semiHard, Strategy::hard})
    step.run(x.data(), rows.labels.data(), rows.n(), {4, strategy, 4.f}, gradient.data(), nullptr);
  expect(step.memoryBytes() <= 100 * kPairs + 100 * kRows, step.memoryBytes(), " bytes");
}

TEST("a step that was cancelled can be repeated") {
  TripletStep step;
  const LabelledRows rows = labelledRows(40, 8, 4, 0, 8);
  const auto x = onDevice(rows.x), gradient = onDevice(rows.x);
  const std::atomic<int32_t> cancelled{1};
  const TripletMining mining{rows.dimensions, Strategy::semiHard, 0.3f, 1, &cancelled};
  auto code = facenet::ErrorCode::internal;
  try {
    step.run(x.data(), rows.labels.data(), rows.n(), mining, gradient.data(), nullptr);
  } catch (const facenet::Error& error) {
    code = error.code;
  }
  expect(code == facenet::ErrorCode::aborted, "it has ended with: ", toString(code));
  checkStep(step, rows, 0.3f, "the same rows");
}

TEST("a step that found no memory can be repeated") {
  TripletStep step;
  const LabelledRows rows = labelledRows(40, 8, 4, 0, 8);
  const auto x = onDevice(rows.x), gradient = onDevice(rows.x);
  for (const Strategy strategy : {Strategy::all, Strategy::semiHard}) {
    options().failedAllocations = 1;
    const TripletMining mining{rows.dimensions, strategy, 0.3f};
    expectReport([&] { step.run(x.data(), rows.labels.data(), rows.n(), mining, gradient.data(), nullptr); },
                 {"out of memory"});
  }
  checkStep(step, rows, 0.3f, "the same rows");
}

}  // namespace
}  // namespace emulator::tests
