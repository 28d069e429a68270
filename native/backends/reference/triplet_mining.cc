// Triplet selection, as its definition reads.
#include "native/backends/reference/backend.h"

namespace facenet::reference {
namespace {

// What is known of one anchor: its distances to all rows.
struct Anchor {
  int64_t index, n;
  const int32_t* labels;
  const std::vector<float>& distances;

  bool isPositive(int64_t j) const { return j != index && labels[j] == labels[index]; }
  bool isNegative(int64_t j) const { return labels[j] != labels[index]; }
};

void mineAll(const Anchor& anchor, float margin, Triplets& out) {
  const auto& d = anchor.distances;
  for (int64_t p = 0; p < anchor.n; ++p) {
    if (!anchor.isPositive(p)) continue;
    for (int64_t n = 0; n < anchor.n; ++n)
      if (anchor.isNegative(n) && (d[p] + margin) - d[n] > 0) out.add(anchor.index, p, n);
  }
}

void mineSemiHard(const Anchor& anchor, float margin, Triplets& out) {
  const auto& d = anchor.distances;
  for (int64_t p = 0; p < anchor.n; ++p) {
    if (!anchor.isPositive(p)) continue;
    int64_t nearest = -1;
    for (int64_t n = 0; n < anchor.n; ++n) {
      const bool semiHard = anchor.isNegative(n) && d[p] < d[n] && d[n] < d[p] + margin;
      if (semiHard && (nearest < 0 || d[n] < d[nearest])) nearest = n;
    }
    if (nearest >= 0) out.add(anchor.index, p, nearest);
  }
}

void mineHard(const Anchor& anchor, Triplets& out) {
  const auto& d = anchor.distances;
  int64_t farthest = -1, nearest = -1;
  for (int64_t j = 0; j < anchor.n; ++j) {
    if (anchor.isPositive(j) && (farthest < 0 || d[j] > d[farthest])) farthest = j;
    if (anchor.isNegative(j) && (nearest < 0 || d[j] < d[nearest])) nearest = j;
  }
  if (farthest >= 0 && nearest >= 0) out.add(anchor.index, farthest, nearest);
}

}  // namespace

Triplets mineTriplets(const float* x, const int32_t* labels, int64_t n, const TripletMining& mining) {
  Triplets out;
  std::vector<float> distances(static_cast<size_t>(n));
  for (int64_t a = 0; a < n; ++a) {
    mining.throwIfCancelled();
    for (int64_t j = 0; j < n; ++j)
      distances[j] = squaredDistance(x + a * mining.dimensions, x + j * mining.dimensions, mining.dimensions);
    const Anchor anchor{a, n, labels, distances};
    switch (mining.strategy) {
      case TripletMining::Strategy::all: mineAll(anchor, mining.margin, out); break;
      case TripletMining::Strategy::semiHard: mineSemiHard(anchor, mining.margin, out); break;
      case TripletMining::Strategy::hard: mineHard(anchor, out); break;
    }
    checkTripletCount(out.size());
  }
  return out;
}

}  // namespace facenet::reference
