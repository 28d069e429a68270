// The rows of a batch in the order of their labels, as cuda/triplet_mining.cuh wants them.
#pragma once

#include <cstdint>
#include <vector>

namespace facenet::cuda {

struct LabelOrder {
  LabelOrder() = default;
  LabelOrder(const int32_t* labels, int64_t n);

  int64_t n = 0, labels = 0;
  std::vector<int32_t> numbers;  // rows, places, begins and ends, n each
  std::vector<int64_t> firstPairs{0};

  const int32_t* rows() const { return numbers.data(); }
  const int32_t* places() const { return numbers.data() + n; }
  const int32_t* begins() const { return numbers.data() + 2 * n; }
  const int32_t* ends() const { return numbers.data() + 3 * n; }
  int64_t pairsOf(int64_t first, int64_t count) const {
    return firstPairs[first + count] - firstPairs[first];
  }
};

}  // namespace facenet::cuda
