// Batches of labelled rows for the tests of triplets.
#pragma once

#include <algorithm>
#include <cmath>

#include "native/backends/cuda/runtime/device.h"
#include "native/ops/triplet_loss.h"
#include "test.h"

namespace emulator::tests {

struct LabelledRows {
  std::vector<float> x;
  std::vector<int32_t> labels;
  int64_t dimensions;

  int64_t n() const { return static_cast<int64_t>(labels.size()); }
};

// Labels in any order. `levels` above zero: few whole numbers, so that many distances are equal.
inline LabelledRows labelledRows(int64_t n, int64_t dimensions, int labels, int levels, unsigned seed) {
  LabelledRows rows{randomValues(static_cast<size_t>(n * dimensions), seed), {}, dimensions};
  if (levels > 0)
    for (float& value : rows.x) value = std::round(value * static_cast<float>(levels)) / 4;
  std::mt19937 random(seed);
  for (int64_t i = 0; i < n; ++i)
    rows.labels.push_back(static_cast<int32_t>(random() % static_cast<unsigned>(labels)) - 1);
  return rows;
}

inline void expectSame(const facenet::Triplets& found, const facenet::Triplets& expected,
                       const std::string& what) {
  expect(found.size() == expected.size(), what, ": ", found.size(), " triplets, not ", expected.size());
  for (size_t t = 0; t < expected.anchors.size(); ++t)
    expect(found.anchors[t] == expected.anchors[t] && found.positives[t] == expected.positives[t] &&
               found.negatives[t] == expected.negatives[t],
           what, ", triplet ", t, ": ", found.anchors[t], " ", found.positives[t], " ", found.negatives[t],
           ", not ", expected.anchors[t], " ", expected.positives[t], " ", expected.negatives[t]);
}

inline facenet::TripletsView viewOf(const facenet::Triplets& triplets) {
  return {triplets.anchors.data(), triplets.positives.data(), triplets.negatives.data(), triplets.size()};
}

}  // namespace emulator::tests
