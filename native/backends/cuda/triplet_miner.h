// Mining on the device: the memory of cuda/triplet_mining.cuh, kept from one batch to the next.
#pragma once

#include <memory>

#include "cuda/triplet_mining.cuh"
#include "native/backends/cuda/label_order.h"
#include "native/backends/cuda/runtime/growing_buffer.h"
#include "native/backends/cuda/runtime/pinned_buffer.h"
#include "native/ops/triplet_mining.h"

namespace facenet::cuda {

// Memory is of the device that is current. Work goes onto a stream; only countAll waits for it.
class TripletMiner {
 public:
  explicit TripletMiner(int multiprocessors) : multiprocessors_(multiprocessors) {}

  // x: n x dimensions on the device, which calls until the next setBatch read. What earlier calls have put onto a
  // stream is done.
  void setBatch(const float* x, const int32_t* labels, int64_t n, const TripletMining& mining,
                cudaStream_t stream);
  const LabelOrder& order() const { return order_; }
  // Whether no triplet can be: one label, or one row of each.
  bool isEmpty() const { return order_.labels < 2 || order_.firstPairs.back() == 0; }

  Anchors anchorsAt(int64_t first, int64_t count) const;

  // The following are about the anchors at places [first, first + count) and leave what they find in memory that
  // the next call uses again.
  // Of semiHard one slot per pair, of hard one per anchor.
  struct Slots : TripletSlots {
    int64_t count;
  };
  Slots mine(int64_t first, int64_t count, cudaStream_t stream);

  // Of `all`, each pair's distance and its number of triplets. ofNegatives: see countAll of
  // cuda/triplet_mining.cuh. Waits for the sum.
  struct Counts {
    Anchors anchors;
    const float *distances, *sorted;
    const int32_t* counts;
    int64_t pairs, total;
  };
  Counts countAll(int64_t first, int64_t count, int32_t* ofNegatives, cudaStream_t stream);

  int64_t memoryBytes() const;

 private:
  // Pairs of the anchors at [first, first + count), with their distances.
  struct MeasuredPairs {
    Anchors anchors;
    float* distances;
    int64_t pairs;
  };
  MeasuredPairs measurePairs(int64_t first, int64_t count, cudaStream_t stream);
  SortedPairs sortPairsOf(const Anchors& anchors, const float* distances, cudaStream_t stream);

  int multiprocessors_;
  const float* x_ = nullptr;
  const TripletMining* mining_ = nullptr;
  LabelOrder order_;
  std::unique_ptr<PinnedBuffer> pinned_;
  GrowingBuffer<unsigned char> groups_;  // firstPairs and numbers of the order
  GrowingBuffer<float> distances_, sorted_, farthest_;
  GrowingBuffer<int32_t> pairOrder_, anchors_, positives_, histogram_, counts_;
  GrowingBuffer<DistanceKey> nearest_, negatives_;
  GrowingBuffer<unsigned long long> total_;
  PinnedBuffer hostTotal_{sizeof(unsigned long long)};
};

}  // namespace facenet::cuda
