#include "native/backends/cuda/triplet_miner.h"

#include <algorithm>
#include <cstring>

namespace facenet::cuda {
void TripletMiner::setBatch(const float* x, const int32_t* labels, int64_t n, const TripletMining& mining,
                            cudaStream_t stream) {
  x_ = x;
  mining_ = &mining;
  order_ = LabelOrder(labels, n);
  if (isEmpty()) return;
  const size_t firstBytes = order_.firstPairs.size() * sizeof(int64_t);
  const size_t bytes = firstBytes + order_.numbers.size() * sizeof(int32_t);
  if (!pinned_ || pinned_->bytes() < static_cast<int64_t>(bytes))
    pinned_ = std::make_unique<PinnedBuffer>(static_cast<int64_t>(bytes));
  std::memcpy(pinned_->data(), order_.firstPairs.data(), firstBytes);
  std::memcpy(pinned_->data() + firstBytes, order_.numbers.data(), bytes - firstBytes);
  FACENET_CUDA_CHECK(cudaMemcpyAsync(groups_.reserve(static_cast<int64_t>(bytes)), pinned_->data(), bytes,
                                     cudaMemcpyHostToDevice, stream));
}

Anchors TripletMiner::anchorsAt(int64_t first, int64_t count) const {
  const int64_t n = order_.n;
  const auto* firstPairs = reinterpret_cast<const int64_t*>(groups_.data());
  const auto* numbers = reinterpret_cast<const int32_t*>(firstPairs + n + 1);
  return {x_,
          n,
          static_cast<int>(mining_->dimensions),
          {numbers, numbers + n, numbers + 2 * n, numbers + 3 * n, firstPairs},
          first,
          count,
          order_.firstPairs[first]};
}

SortedPairs TripletMiner::sortPairsOf(const Anchors& anchors, const float* distances, cudaStream_t stream) {
  const int64_t pairs = order_.pairsOf(anchors.first, anchors.count), end = anchors.first + anchors.count;
  int64_t most = 0;
  for (int64_t place = anchors.first; place < end; place += kMinedAnchors)
    most = std::max(most, order_.pairsOf(place, std::min<int64_t>(kMinedAnchors, end - place)));
  float* sorted = sorted_.reserve(pairs);
  int32_t* order = pairOrder_.reserve(pairs);
  sortPairs(anchors, distances, sorted, order, stream);
  return {sorted, order, pairs, most};
}

TripletMiner::MeasuredPairs TripletMiner::measurePairs(int64_t first, int64_t count, cudaStream_t stream) {
  mining_->throwIfCancelled();
  const Anchors anchors = anchorsAt(first, count);
  const int64_t pairs = order_.pairsOf(first, count);
  float* distances = distances_.reserve(pairs);
  positiveDistances(anchors, distances, stream);
  mining_->throwIfCancelled();
  return {anchors, distances, pairs};
}

TripletMiner::Slots TripletMiner::mine(int64_t first, int64_t count, cudaStream_t stream) {
  const auto [anchors, distances, pairs] = measurePairs(first, count, stream);
  const bool hard = mining_->strategy == TripletMining::Strategy::hard;
  const int64_t slots = hard ? count : pairs;
  const Slots result{{anchors_.reserve(slots), positives_.reserve(slots),
                      hard ? farthest_.reserve(slots) : distances, negatives_.reserve(slots)},
                     slots};
  if (hard)
    mineHard(anchors, distances, result, multiprocessors_, stream);
  else
    mineSemiHard(anchors, sortPairsOf(anchors, distances, stream), mining_->margin, nearest_.reserve(pairs),
                 result, multiprocessors_, stream);
  return result;
}

TripletMiner::Counts TripletMiner::countAll(int64_t first, int64_t count, int32_t* ofNegatives,
                                            cudaStream_t stream) {
  const auto [anchors, distances, pairs] = measurePairs(first, count, stream);
  const SortedPairs sorted = sortPairsOf(anchors, distances, stream);
  int32_t* counts = counts_.reserve(pairs);
  unsigned long long* total = total_.reserve(1);
  FACENET_CUDA_CHECK(cudaMemsetAsync(total, 0, sizeof *total, stream));
  facenet::cuda::countAll(anchors, sorted, mining_->margin, histogram_.reserve(pairs), counts, total,
                          ofNegatives, multiprocessors_, stream);
  FACENET_CUDA_CHECK(
      cudaMemcpyAsync(hostTotal_.data(), total, sizeof *total, cudaMemcpyDeviceToHost, stream));
  FACENET_CUDA_CHECK(cudaStreamSynchronize(stream));
  const auto sum = *reinterpret_cast<const unsigned long long*>(hostTotal_.data());
  return {anchors, distances, sorted.sorted, counts, pairs, static_cast<int64_t>(sum)};
}

int64_t TripletMiner::memoryBytes() const {
  const auto bytesOf = [](const auto&... buffers) { return (buffers.bytes() + ...); };
  return bytesOf(groups_, distances_, sorted_, farthest_, pairOrder_, anchors_, positives_, histogram_,
                 counts_, nearest_, negatives_, total_);
}

}  // namespace facenet::cuda
