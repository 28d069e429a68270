#include <algorithm>
#include <numeric>

#include "cuda/pairwise_distance.cuh"
#include "cuda/top_k.cuh"
#include "native/ops/triplet_mining.h"
#include "test.h"

namespace emulator::tests {
namespace {

using namespace facenet::cuda;

// Every third row repeats an earlier one, so that there are ties.
std::vector<float> rowsWithTies(int64_t count, int64_t dimensions, unsigned seed) {
  std::vector<float> rows = randomValues(static_cast<size_t>(count * dimensions), seed);
  for (int64_t row = 3; row < count; row += 3)
    std::copy_n(rows.begin() + row / 2 * dimensions, dimensions, rows.begin() + row * dimensions);
  return rows;
}

void checkPairwise(int64_t n, int64_t m, int64_t dimensions, int64_t offset) {
  const auto a = randomValues(static_cast<size_t>(offset + n * dimensions), 1);
  auto b = randomValues(static_cast<size_t>(m * dimensions), 2);
  // The first rows are equal, and the second ones nearly.
  std::copy_n(a.begin() + offset, std::min(n, m) > 1 ? 2 * dimensions : dimensions, b.begin());
  if (std::min(n, m) > 1) b[static_cast<size_t>(dimensions)] += 1e-6f;
  const auto left = onDevice(a), right = onDevice(b);
  DeviceBuffer<float> out(n * m);
  pairwiseDistances(left.data() + offset, n, right.data(), m, dimensions, out.data(), nullptr);
  const auto found = onHost(out);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j) {
      const float expected =
          facenet::squaredDistance(a.data() + offset + i * dimensions, b.data() + j * dimensions, dimensions);
      expect(found[static_cast<size_t>(i * m + j)] == expected, n, " x ", m, " of ", dimensions, " at ", i,
             ", ", j, ": ", found[static_cast<size_t>(i * m + j)], " not ", expected);
    }
}

TEST("pairwise distances are the exact chains, in every order") {
  inEveryOrder([] {
    for (const auto& [n, m] : {std::pair(1, 1), std::pair(5, 130), std::pair(40, 128), std::pair(100, 131)})
      for (const int64_t dimensions : {1, 3, 16, 20, 128})
        for (const int64_t offset : {0, 1}) checkPairwise(n, m, dimensions, offset);
  });
}

TEST("pairwise distances read each row once a tile, without bank conflicts or waste") {
  constexpr int64_t kRows = 96, kColumns = 128, kDimensions = 128;
  const auto a = onDevice(randomValues(kRows * kDimensions, 1));
  const auto b = onDevice(randomValues(kColumns * kDimensions, 2));
  DeviceBuffer<float> out(kRows * kColumns);
  const Counters c = count(
      [&] { pairwiseDistances(a.data(), kRows, b.data(), kColumns, kDimensions, out.data(), nullptr); });
  const int64_t read = (kRows + kColumns) * kDimensions * 4, written = kRows * kColumns * 4;
  expect(c.globalBytesRead == read && c.globalBytesWritten == written, c.globalBytesRead, " read of ", read);
  expect(c.globalSectors == (read + written) / 32, c.globalSectors, " sectors");
  expect(c.sharedPhases == c.sharedPhasesIdeal, c.sharedPhases, " phases of ", c.sharedPhasesIdeal);
}

void checkNearest(int64_t queries, int64_t rows, int64_t dimensions, int64_t k, int64_t chunkRows) {
  const auto gallery = rowsWithTies(rows, dimensions, 3);
  auto query = randomValues(static_cast<size_t>(queries * dimensions), 4);
  std::copy_n(gallery.begin() + (rows - 1) * dimensions, dimensions, query.begin());
  const auto from = onDevice(query), in = onDevice(gallery);
  const auto best = onDevice(std::vector<DistanceKey>(static_cast<size_t>(queries * k), kNoKey));
  // The last chunk first: the order of chunks does not matter.
  for (int64_t first = (rows - 1) / chunkRows * chunkRows; first >= 0; first -= chunkRows) {
    const GalleryChunk chunk{in.data() + first * dimensions, std::min(chunkRows, rows - first), first};
    DeviceBuffer<uint8_t> scratch(topKScratch(queries, chunk.count, k, 2));
    nearestRows(from.data(), queries, chunk, dimensions, k, best.data(), scratch.data(), 2, nullptr);
  }
  const auto keys = onHost(best);
  for (int64_t i = 0; i < queries; ++i) {
    const auto distance = [&](int64_t row) {
      return facenet::squaredDistance(query.data() + i * dimensions, gallery.data() + row * dimensions,
                                      dimensions);
    };
    std::vector<int64_t> order(static_cast<size_t>(rows));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, distance);
    for (int64_t e = 0; e < k; ++e) {
      const DistanceKey key = keys[static_cast<size_t>(i * k + e)];
      const int64_t expected = order[static_cast<size_t>(e)];
      expect(rowOf(key) == expected && distanceOf(key) == distance(expected), queries, " in ", rows, " x ",
             dimensions, ", number ", e, " of ", k, " for ", i, ": row ", rowOf(key), " at ", distanceOf(key),
             " not ", expected, " at ", distance(expected));
    }
  }
}

TEST("the nearest rows, ties to the first, in every order") {
  inEveryOrder([] {
    checkNearest(1, 1, 3, 1, 1);
    checkNearest(3, 300, 20, 5, 300);
    checkNearest(33, 2100, 4, 32, 2100);
    checkNearest(37, 700, 17, 7, 250);
    checkNearest(40, 1200, 8, 128, 600);
  });
}

TEST("the nearest rows of a gallery are found without conflicts, each row read once a block of queries") {
  constexpr int64_t kQueries = 96, kRows = 2048, kDimensions = 64, k = 10;
  const auto query = onDevice(randomValues(kQueries * kDimensions, 1));
  const auto gallery = onDevice(randomValues(kRows * kDimensions, 2));
  const auto best = onDevice(std::vector<DistanceKey>(kQueries * k, kNoKey));
  DeviceBuffer<uint8_t> scratch(topKScratch(kQueries, kRows, k, 2));
  const Counters c = count([&] {
    nearestRows(query.data(), kQueries, {gallery.data(), kRows, 0}, kDimensions, k, best.data(),
                scratch.data(), 2, nullptr);
  });
  // A tile of 96 queries x 128 rows reads both; the lists of the two parts are small beside them.
  const int64_t tiles = kRows / 128, read = tiles * (kQueries + 128) * kDimensions * 4;
  expect(c.globalBytesRead <= read * 1.05, c.globalBytesRead, " read of ", read);
  expect(c.globalBytesWritten <= 4 * kQueries * k * 8, c.globalBytesWritten, " written");
  expect(c.sharedPhases <= c.sharedPhasesIdeal * 1.02, c.sharedPhases, " phases of ", c.sharedPhasesIdeal);
}

}  // namespace
}  // namespace emulator::tests
