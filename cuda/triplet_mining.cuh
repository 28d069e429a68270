// Selection of triplets (ops/triplet_mining.h) in the shape of a fused attention: distances are computed a tile at
// a time, looked through and forgotten. What stays are a few values per pair, that is an anchor with one of its
// positives, or an anchor; never n x n.
//
// Anchors stand in the order of their labels, so that those of one label are neighbours: `position` is an index in
// that order, `row` one of the batch. Columns, the possible negatives, are rows.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "cuda/common/distance_key.h"

namespace facenet::cuda {

// The rows of a batch by label, device memory.
struct LabelGroups {
  const int32_t* rows;        // n: row of a position; ascending within a label
  const int32_t* positions;   // n: position of a row
  const int32_t* begins;      // n: of the label of a position, its first position
  const int32_t* ends;        // n: and the one after its last
  const int64_t* firstPairs;  // n + 1: of a position, the number of pairs that earlier positions have
};

// A batch, and the anchors that a call is about: positions [first, first + count), whose pairs are numbered from
// firstPair = groups.firstPairs[first]. `Pairs` below is groups.firstPairs[first + count] - firstPair.
struct Anchors {
  const float* x;  // n x dimensions
  int64_t n;
  int dimensions;
  LabelGroups groups;
  int64_t first, count, firstPair;
};

// Triplets, one per slot. A slot whose negative is kNoKey has none.
struct TripletSlots {
  int32_t *anchors, *positives;  // rows
  float* positiveDistances;
  DistanceKey* negatives;
};

// Calls are asynchronous on `stream` and throw where a launch fails. `distances`: of each pair, in the order of
// its positive's row. `sorted` and `order`: each anchor's distances ascending, equal ones by row, and which of its
// pairs, from 0, each is of.
void positiveDistances(const Anchors& anchors, float* distances, cudaStream_t stream);
void sortPairs(const Anchors& anchors, const float* distances, float* sorted, int32_t* order,
               cudaStream_t stream);

// Slots are Pairs, whose positiveDistances are `distances` of above and not written. `nearest`: Pairs keys of scratch.
constexpr int kMinedAnchors = 64;
struct SortedPairs {
  const float* sorted;
  const int32_t* order;
  int64_t count;     // Pairs
  int64_t maxPairs;  // of kMinedAnchors neighbouring anchors, from the first on
};
void mineSemiHard(const Anchors& anchors, const SortedPairs& pairs, float margin, DistanceKey* nearest,
                  const TripletSlots& slots, int multiprocessors, cudaStream_t stream);

// Slots are anchors.
void mineHard(const Anchors& anchors, const float* distances, const TripletSlots& slots, int multiprocessors,
              cudaStream_t stream);

// How many negatives each pair has with a hinge above zero: `counts`, in the order of `distances`, and their sum
// is added to *total. `histogram`: Pairs numbers of scratch. ofNegatives: null, or n numbers to which is added
// how many triplets each row is the negative of.
void countAll(const Anchors& anchors, const SortedPairs& pairs, float margin, int32_t* histogram,
              int32_t* counts, unsigned long long* total, int32_t* ofNegatives, int multiprocessors,
              cudaStream_t stream);

// Writes them: those of pair i, ascending, from negatives[ends[i]], after which ends[i] is behind them.
void listAll(const Anchors& anchors, const float* distances, float margin, unsigned long long* ends,
             int32_t* negatives, cudaStream_t stream);

}  // namespace facenet::cuda
