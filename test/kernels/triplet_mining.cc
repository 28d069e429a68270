#include "native/backends/cuda/triplet_miner.h"
#include "native/backends/cuda/triplets.h"
#include "native/backends/reference/backend.h"
#include "triplets.h"

namespace emulator::tests {
namespace {

using facenet::TripletMining;
using Strategy = TripletMining::Strategy;
constexpr std::pair<Strategy, const char*> kStrategies[] = {
    {Strategy::all, "all"}, {Strategy::semiHard, "semi-hard"}, {Strategy::hard, "hard"}};

void checkMining(const LabelledRows& rows, float margin, const std::string& what) {
  for (const auto& [strategy, name] : kStrategies) {
    const TripletMining mining{rows.dimensions, strategy, margin};
    expectSame(facenet::cuda::mineHostTriplets(facenet::cuda::requireDevice(), rows.x.data(),
                                               rows.labels.data(), rows.n(), mining),
               facenet::reference::mineTriplets(rows.x.data(), rows.labels.data(), rows.n(), mining),
               facenet::text(name, " of ", what));
  }
}

TEST("triplets are those of the reference, in every order") {
  inEveryOrder([] {
    checkMining(labelledRows(70, 16, 5, 0, 1), 0.3f, "70 x 16");
    checkMining(labelledRows(133, 5, 20, 0, 2), 0.05f, "133 x 5");
    checkMining(labelledRows(150, 20, 9, 3, 3), 0.5f, "150 x 20 with ties");
  });
}

TEST("triplets with many ties and margins that distances meet exactly") {
  for (const float margin : {0.0625f, 0.25f, 1.f, 4.f})
    for (const int64_t dimensions : {1, 2, 4})
      checkMining(labelledRows(90, dimensions, 7, 2, 7), margin,
                  facenet::text(dimensions, " whole dimensions"));
}

TEST("triplets of equal rows, of one label, of single rows, of none") {
  LabelledRows rows = labelledRows(40, 8, 4, 0, 4);
  std::fill(rows.x.begin(), rows.x.end(), 0.25f);
  checkMining(rows, 0.2f, "equal rows");
  checkMining(labelledRows(40, 8, 1, 0, 5), 0.2f, "one label");
  LabelledRows single = labelledRows(40, 8, 3, 0, 6);
  for (int32_t i = 0; i < 40; ++i) single.labels[static_cast<size_t>(i)] = i;
  checkMining(single, 0.2f, "single rows");
  single.labels[3] = single.labels[31] = 7;
  checkMining(single, 4.f, "two rows of a label among single ones");
  for (const int64_t n : {0, 1, 2, 3})
    checkMining(labelledRows(n, 8, 2, 0, 8), 4.f, facenet::text(n, " rows"));
}

TEST("triplets of labels with more rows than a tile has, and more than fit in shared memory") {
  checkMining(labelledRows(264, 4, 2, 0, 9), 0.01f, "264 rows of two labels");
}

TEST("the nearest negative of a pair is the nearest above its positive, over several tiles of columns") {
  LabelledRows rows = labelledRows(400, 3, 100, 4, 10);
  checkMining(rows, 0.25f, "400 rows of a hundred labels");
}

TEST("sorting reads pairs by their number and its logarithm, not by its square") {
  constexpr int64_t kRows = 1026, kPairs = kRows / 2 - 1;
  LabelledRows rows = labelledRows(kRows, 4, 2, 0, 13);
  for (int32_t i = 0; i < kRows; ++i) rows.labels[static_cast<size_t>(i)] = i % 2;
  const auto x = onDevice(rows.x);
  facenet::cuda::TripletMiner miner(2);
  miner.setBatch(x.data(), rows.labels.data(), rows.n(), {rows.dimensions, Strategy::semiHard, 0.2f},
                 nullptr);
  const Counters c = count([&] { miner.mine(0, 32, nullptr); });
  expect(c.globalBytesRead < 32 * kPairs * kPairs * 4, c.globalBytesRead, " read for 32 anchors of ", kPairs,
         " pairs");
}

TEST("mining stops where it is told to") {
  const LabelledRows rows = labelledRows(20, 4, 3, 0, 11);
  const std::atomic<int32_t> cancelled{1};
  for (const auto& [strategy, name] : kStrategies) {
    const TripletMining mining{rows.dimensions, strategy, 0.2f, 1, &cancelled};
    try {
      facenet::cuda::mineHostTriplets(facenet::cuda::requireDevice(), rows.x.data(), rows.labels.data(),
                                      rows.n(), mining);
    } catch (const facenet::Error& error) {
      expect(error.code == facenet::ErrorCode::aborted, toString(error.code));
      continue;
    }
    expect(false, name, " has not stopped");
  }
}

TEST("mining reads rows once a tile and keeps some bytes a pair; only the search meets in banks") {
  constexpr int64_t kRows = 128, kDimensions = 128, kOfLabel = 16, kPairs = kRows * (kOfLabel - 1);
  LabelledRows rows = labelledRows(kRows, kDimensions, 8, 0, 12);
  for (int32_t i = 0; i < kRows; ++i) rows.labels[static_cast<size_t>(i)] = i / kOfLabel;
  const auto x = onDevice(rows.x);
  // Two tiles of 64 anchors and 128 columns, eight of 16 anchors and their label's rows. Where the order is that of
  // the labels, each copy of 16 bytes reads the number of its row.
  constexpr int64_t kOrdered = 2 * 64 + 8 * 2 * kOfLabel, kDense = 2 * 128, kRowBytes = kDimensions * 4;
  constexpr int64_t kTiles = (kOrdered + kDense) * kRowBytes + kOrdered * kRowBytes / 4;
  // Threads of tiles of pairs, and those of one warp per anchor, look up which pairs are theirs.
  constexpr int64_t kLookUp = 16, kOfTiles = 8 * 256 * kLookUp, kOfWarps = kRows * 32 * kLookUp;
  // Each pair against those of its anchor, and in its place.
  const int64_t sorting = kPairs * (kOfLabel + 2) * 4;
  for (const bool semiHard : {false, true}) {
    const TripletMining mining{rows.dimensions, semiHard ? Strategy::semiHard : Strategy::hard, 0.2f};
    facenet::cuda::TripletMiner miner(2);
    miner.setBatch(x.data(), rows.labels.data(), rows.n(), mining, nullptr);
    const Counters c = count([&] { miner.mine(0, rows.n(), nullptr); });
    const int64_t implied = kTiles + kOfTiles + (semiHard ? 2 * kOfWarps + sorting : kOfWarps);
    expect(c.globalBytesRead <= implied * 1.15, c.globalBytesRead, " read of ", implied);
    // A lane that has met a positive is ahead of the others from there on, which counts as a conflict.
    const double conflicts = semiHard ? 1.05 : 1.002;
    expect(c.sharedPhases <= c.sharedPhasesIdeal * conflicts, c.sharedPhases, " phases of ",
           c.sharedPhasesIdeal);
    expect(miner.memoryBytes() <= 48 * kPairs + 64 * kRows, miner.memoryBytes(), " bytes for ", kPairs,
           " pairs");
  }
}

}  // namespace
}  // namespace emulator::tests
