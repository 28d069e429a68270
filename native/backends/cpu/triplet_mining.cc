// Triplet selection on the CPU: a tile of anchors at a time, whose distances to all rows are computed,
// searched and forgotten. Tiles are shared among threads; each tile's triplets are its own, so threads change
// nothing.
#include <algorithm>
#include <limits>
#include <numeric>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"
#include "native/core/integers.h"
#include "native/core/thread_pool.h"

namespace facenet::cpu {
namespace {

constexpr int64_t kTileRows = 16;
constexpr float infinity = std::numeric_limits<float>::infinity();

// Rows by label: those of row i's label are members[first[i]] up to members[last[i]], ascending.
struct Groups {
  Groups(const int32_t* labels, int64_t n) : members(n), first(n), last(n) {
    std::iota(members.begin(), members.end(), 0);
    std::stable_sort(members.begin(), members.end(),
                     [&](int32_t i, int32_t j) { return labels[i] < labels[j]; });
    for (int64_t begin = 0, end; begin < n; begin = end) {
      for (end = begin + 1; end < n && labels[members[end]] == labels[members[begin]];) ++end;
      for (int64_t i = begin; i < end; ++i) first[members[i]] = begin, last[members[i]] = end;
    }
  }

  std::vector<int32_t> members;
  std::vector<int64_t> first, last;
};

// What one thread works in.
struct Scratch {
  AlignedArray<float> distances;  // kTileRows x padded
  std::vector<int32_t> positives, nearest;
  std::vector<float> positiveDistances, nearestDistances;
};

class Miner {
 public:
  Miner(const float* x, const int32_t* labels, int64_t n, const TripletMining& mining)
      : x_(x), n_(n), padded_(roundUp(n, isa().lanes)), mining_(mining), groups_(labels, n) {
    packed_ = alignedArray<float>(padded_ * mining.dimensions);
  }

  int64_t blocks() const { return padded_ / isa().lanes; }
  int64_t tiles() const { return ceilDivide(n_, kTileRows); }
  Scratch scratch() const { return {alignedArray<float>(kTileRows * padded_), {}, {}, {}, {}}; }

  // One vector of rows, transposed, so that lanes are rows; the last block is filled up with zeros.
  void pack(int64_t block) {
    const int64_t lanes = isa().lanes, dimensions = mining_.dimensions;
    float* out = packed_.get() + block * lanes * dimensions;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const int64_t row = block * lanes + lane;
      for (int64_t k = 0; k < dimensions; ++k)
        out[k * lanes + lane] = row < n_ ? x_[row * dimensions + k] : 0;
    }
  }

  void mineTile(int64_t tile, Scratch& scratch, Triplets& out) const {
    const int64_t begin = tile * kTileRows, end = std::min(begin + kTileRows, n_);
    float* distances = scratch.distances.get();
    isa().minedDistances(x_ + begin * mining_.dimensions, end - begin, packed_.get(), padded_,
                         mining_.dimensions, distances);
    for (int64_t anchor = begin; anchor < end; ++anchor, distances += padded_) {
      leaveNegatives(anchor, distances, scratch);
      if (!scratch.positives.empty()) mineAnchor(anchor, distances, scratch, out);
    }
  }

 private:
  // Takes the positives out of the anchor's row of distances, which then is infinite where there is no
  // negative.
  void leaveNegatives(int64_t anchor, float* distances, Scratch& scratch) const {
    scratch.positives.clear();
    scratch.positiveDistances.clear();
    for (int64_t i = groups_.first[anchor]; i < groups_.last[anchor]; ++i) {
      const int32_t member = groups_.members[i];
      if (member != anchor) {
        scratch.positives.push_back(member);
        scratch.positiveDistances.push_back(distances[member]);
      }
      distances[member] = infinity;
    }
    std::fill(distances + n_, distances + padded_, infinity);
  }

  void mineAnchor(int64_t anchor, const float* distances, Scratch& scratch, Triplets& out) const {
    switch (mining_.strategy) {
      case TripletMining::Strategy::all: return mineAll(anchor, distances, scratch, out);
      case TripletMining::Strategy::semiHard: return mineSemiHard(anchor, distances, scratch, out);
      case TripletMining::Strategy::hard: return mineHard(anchor, distances, scratch, out);
    }
  }

  void mineAll(int64_t anchor, const float* distances, const Scratch& scratch, Triplets& out) const {
    for (size_t i = 0; i < scratch.positives.size(); ++i) {
      const float limit = scratch.positiveDistances[i] + mining_.margin;
      int64_t count = 0;
      for (int64_t n = 0; n < n_; ++n) count += distances[n] < limit;
      const size_t size = out.anchors.size(), grown = size + static_cast<size_t>(count);
      out.anchors.resize(grown, static_cast<int32_t>(anchor));
      out.positives.resize(grown, scratch.positives[i]);
      out.negatives.resize(grown);
      // Written at every step and kept where the hinge is above zero: no branch to guess.
      for (int64_t n = 0, at = static_cast<int64_t>(size); at < static_cast<int64_t>(grown); ++n) {
        out.negatives[at] = static_cast<int32_t>(n);
        at += distances[n] < limit;
      }
    }
  }

  void mineSemiHard(int64_t anchor, const float* distances, Scratch& scratch, Triplets& out) const {
    const size_t count = scratch.positives.size();
    scratch.nearest.resize(count);
    scratch.nearestDistances.resize(count);
    isa().nearestAbove(distances, padded_, scratch.positiveDistances.data(), static_cast<int64_t>(count),
                       scratch.nearestDistances.data(), scratch.nearest.data());
    for (size_t i = 0; i < count; ++i)
      if (scratch.nearestDistances[i] < scratch.positiveDistances[i] + mining_.margin)
        out.add(anchor, scratch.positives[i], scratch.nearest[i]);
  }

  void mineHard(int64_t anchor, const float* distances, const Scratch& scratch, Triplets& out) const {
    const float anything = -1;
    float nearestDistance;
    int32_t nearest;
    isa().nearestAbove(distances, padded_, &anything, 1, &nearestDistance, &nearest);
    if (nearestDistance == infinity) return;
    const auto& candidates = scratch.positiveDistances;
    const auto farthest = std::max_element(candidates.begin(), candidates.end()) - candidates.begin();
    out.add(anchor, scratch.positives[static_cast<size_t>(farthest)], nearest);
  }

  const float* x_;
  int64_t n_, padded_;
  const TripletMining& mining_;
  Groups groups_;
  AlignedArray<float> packed_;
};

// The tiles' triplets one after the other; each tile's memory is freed once it was copied.
Triplets joined(std::vector<Triplets>& tiles, int64_t total) {
  Triplets all;
  for (auto list : {&Triplets::anchors, &Triplets::positives, &Triplets::negatives}) {
    (all.*list).reserve(static_cast<size_t>(total));
    for (Triplets& tile : tiles) {
      (all.*list).insert((all.*list).end(), (tile.*list).begin(), (tile.*list).end());
      std::vector<int32_t>().swap(tile.*list);
    }
  }
  return all;
}

}  // namespace

Triplets CpuBackend::mineTriplets(const float* x, const int32_t* labels, int64_t n,
                                  const TripletMining& mining) const {
  if (n == 0) return {};
  Miner miner(x, labels, n, mining);
  ThreadPool pool(static_cast<int>(std::min<int64_t>(mining.threads, miner.tiles())));
  pool.run(miner.blocks(), [&](int64_t block, int) { miner.pack(block); });

  std::vector<Scratch> scratch;
  for (int i = 0; i < pool.size(); ++i) scratch.push_back(miner.scratch());
  std::vector<Triplets> tiles(static_cast<size_t>(miner.tiles()));
  std::atomic<int64_t> total{0};
  pool.run(miner.tiles(), [&](int64_t tile, int thread) {
    mining.throwIfCancelled();
    Triplets& out = tiles[static_cast<size_t>(tile)];
    miner.mineTile(tile, scratch[static_cast<size_t>(thread)], out);
    checkTripletCount(total += out.size());
  });
  return joined(tiles, total);
}

}  // namespace facenet::cpu
