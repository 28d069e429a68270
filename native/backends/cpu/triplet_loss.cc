// The hinge triplet loss on the CPU: hinges in parallel over triplets, gradients in parallel over rows, each
// row summed by one thread.
#include <algorithm>
#include <utility>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"
#include "native/core/integers.h"
#include "native/core/thread_pool.h"

namespace facenet::cpu {
namespace {

constexpr int64_t kHingesAtOnce = 1024;
constexpr int64_t kRowsAtOnce = 8;

// For each row the active triplets it is part of, and as what.
struct Parts {
  enum Role { anchor, positive, negative };

  std::vector<int64_t> first;   // of row i: parts[first[i]] up to parts[first[i + 1]]
  std::vector<uint32_t> parts;  // 3 * triplet + role; below 2^32, as checkTripletCount sees to
};

Parts partsOf(int64_t n, const TripletsView& triplets, const float* hinges) {
  Parts result;
  result.first.assign(static_cast<size_t>(n + 1), 0);
  const int32_t* roles[3] = {triplets.anchors, triplets.positives, triplets.negatives};
  const auto forEachPart = [&](auto&& use) {
    for (int64_t t = 0; t < triplets.count; ++t)
      if (hinges[t] > 0)
        for (int64_t role = 0; role < 3; ++role) use(roles[role][t], static_cast<uint32_t>(3 * t + role));
  };
  forEachPart([&](int32_t row, uint32_t) { ++result.first[row + 1]; });
  for (int64_t i = 0; i < n; ++i) result.first[i + 1] += result.first[i];
  result.parts.resize(static_cast<size_t>(result.first[n]));
  std::vector<int64_t> next(result.first.begin(), result.first.end() - 1);
  forEachPart([&](int32_t row, uint32_t part) { result.parts[next[row]++] = part; });
  return result;
}

// c(i, j) of one row i: whole numbers for few of the n columns.
class Counts {
 public:
  explicit Counts(int64_t n) : counts_(static_cast<size_t>(n)), touched_(static_cast<size_t>(n + 63) / 64) {}

  void add(int32_t column, int32_t amount) {
    counts_[column] += amount;
    touched_[column / 64] |= uint64_t{1} << (column % 64);
  }

  // The columns that are not zero, ascending; then all are zero again.
  void take(std::vector<int32_t>& columns, std::vector<float>& values) {
    columns.clear();
    values.clear();
    for (size_t word = 0; word < touched_.size(); ++word) {
      for (uint64_t bits = std::exchange(touched_[word], 0); bits != 0; bits &= bits - 1) {
        const auto column = static_cast<int32_t>(word * 64) + __builtin_ctzll(bits);
        const int32_t count = std::exchange(counts_[column], 0);
        if (count == 0) continue;
        columns.push_back(column);
        values.push_back(static_cast<float>(count));
      }
    }
  }

 private:
  std::vector<int32_t> counts_;
  std::vector<uint64_t> touched_;
};

struct Scratch {
  explicit Scratch(int64_t n) : counts(n) {}
  Counts counts;
  std::vector<int32_t> columns;
  std::vector<float> values;
};

void addPart(uint32_t part, const TripletsView& triplets, Counts& counts) {
  const uint32_t t = part / 3;
  const int32_t a = triplets.anchors[t], p = triplets.positives[t], n = triplets.negatives[t];
  switch (part % 3) {
    case Parts::anchor: counts.add(n, 1), counts.add(p, -1); break;
    case Parts::positive: counts.add(p, 1), counts.add(a, -1); break;
    case Parts::negative: counts.add(a, 1), counts.add(n, -1); break;
  }
}

}  // namespace

LossValue CpuBackend::tripletLoss(const float* x, int64_t n, const TripletsView& triplets,
                                  const TripletLoss& loss, float* gradient) const {
  ThreadPool pool(loss.threads);
  const AlignedArray<float> hinges = alignedArray<float>(triplets.count);
  pool.run(ceilDivide(triplets.count, kHingesAtOnce), [&](int64_t item, int) {
    loss.throwIfCancelled();
    const int64_t first = item * kHingesAtOnce, count = std::min(kHingesAtOnce, triplets.count - first);
    isa().tripletHinges(x, loss.dimensions, triplets.anchors + first, triplets.positives + first,
                        triplets.negatives + first, count, loss.margin, hinges.get() + first);
  });

  LossValue value{0, 0};
  for (int64_t t = 0; t < triplets.count; ++t) {
    if (!(hinges[static_cast<size_t>(t)] > 0)) continue;
    value.loss += hinges[static_cast<size_t>(t)];
    ++value.active;
  }

  const Parts parts = partsOf(n, triplets, hinges.get());
  std::vector<Scratch> scratch(static_cast<size_t>(pool.size()), Scratch(n));
  pool.run(ceilDivide(n, kRowsAtOnce), [&](int64_t item, int thread) {
    loss.throwIfCancelled();
    auto& [counts, columns, values] = scratch[static_cast<size_t>(thread)];
    for (int64_t i = item * kRowsAtOnce; i < std::min((item + 1) * kRowsAtOnce, n); ++i) {
      for (int64_t at = parts.first[i]; at < parts.first[i + 1]; ++at)
        addPart(parts.parts[static_cast<size_t>(at)], triplets, counts);
      counts.take(columns, values);
      isa().twiceWeightedRows(x, loss.dimensions, columns.data(), values.data(),
                              static_cast<int64_t>(columns.size()), gradient + i * loss.dimensions);
    }
  });
  return value;
}

}  // namespace facenet::cpu
