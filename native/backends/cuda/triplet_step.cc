#include "native/backends/cuda/triplet_step.h"

#include "cuda/all_triplets.cuh"
#include "native/backends/cuda/triplet_loss_run.h"
#include "native/backends/cuda/triplet_miner.h"

namespace facenet::cuda {

namespace {

train::LossReport reportOf(const TripletSums& sums) {
  if (sums.triplets == 0) return {};
  const auto count = static_cast<double>(sums.triplets);
  return {static_cast<int64_t>(sums.triplets), static_cast<int64_t>(sums.active), sums.loss,
          sums.positiveDistances / count, sums.negativeDistances / count};
}

int currentMultiprocessors() {
  int device = 0, count = 0;
  FACENET_CUDA_CHECK(cudaGetDevice(&device));
  FACENET_CUDA_CHECK(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device));
  return count;
}

// Waits where an exception leaves work on the stream that uses memory of the next call.
class SynchronizeOnExit {
 public:
  explicit SynchronizeOnExit(cudaStream_t stream) : stream_(stream) {}
  ~SynchronizeOnExit() { cudaStreamSynchronize(stream_); }
  SynchronizeOnExit(const SynchronizeOnExit&) = delete;
  SynchronizeOnExit& operator=(const SynchronizeOnExit&) = delete;

 private:
  cudaStream_t stream_;
};

}  // namespace

struct TripletStep::Memory {
  train::LossReport runAll(const DeviceRows& rows, const TripletMining& mining, float* gradient,
                           cudaStream_t stream);

  TripletMiner miner{currentMultiprocessors()};
  TripletLossRun loss;
  GrowingBuffer<int32_t> ofNegatives;  // of `all`
  GrowingBuffer<TripletSums> partial, sums;
  PinnedBuffer hostSums{sizeof(TripletSums)};
};

TripletStep::TripletStep() : memory_(std::make_unique<Memory>()) {}
TripletStep::~TripletStep() = default;
TripletStep::TripletStep(TripletStep&&) noexcept = default;
TripletStep& TripletStep::operator=(TripletStep&&) noexcept = default;

train::LossReport TripletStep::run(const float* embeddings, const int32_t* labels, int64_t n,
                                   const TripletMining& mining, float* gradient, cudaStream_t stream) {
  const SynchronizeOnExit synchronize(stream);
  TripletMiner& miner = memory_->miner;
  miner.setBatch(embeddings, labels, n, mining, stream);
  if (miner.isEmpty()) return {};
  checkTripletCount(miner.order().firstPairs.back());
  const DeviceRows rows{embeddings, n, mining.dimensions};
  if (mining.strategy == TripletMining::Strategy::all) return memory_->runAll(rows, mining, gradient, stream);
  const TripletMiner::Slots slots = miner.mine(0, n, stream);
  const TripletLoss loss{mining.dimensions, mining.margin, 1, mining.cancel};
  return reportOf(memory_->loss.run(rows, slots, slots.count, loss, true, gradient, stream));
}

train::LossReport TripletStep::Memory::runAll(const DeviceRows& rows, const TripletMining& mining,
                                              float* gradient, cudaStream_t stream) {
  int32_t* counts = ofNegatives.reserve(rows.n);
  FACENET_CUDA_CHECK(cudaMemsetAsync(counts, 0, static_cast<size_t>(rows.n) * sizeof(int32_t), stream));
  const TripletMiner::Counts found = miner.countAll(0, rows.n, counts, stream);
  checkTripletCount(found.total);
  if (found.total == 0) return {};
  mining.throwIfCancelled();
  TripletSums* result = sums.reserve(1);
  allTripletGradient({found.anchors, found.distances, found.sorted, found.counts, counts, found.total,
                      mining.margin, partial.reserve(allTripletBlocks(rows.n)), result},
                     gradient, stream);
  FACENET_CUDA_CHECK(
      cudaMemcpyAsync(hostSums.data(), result, sizeof *result, cudaMemcpyDeviceToHost, stream));
  FACENET_CUDA_CHECK(cudaStreamSynchronize(stream));
  return reportOf(*reinterpret_cast<const TripletSums*>(hostSums.data()));
}

train::LossReport TripletStep::run(const float* embeddings, int64_t n, const TripletsView& triplets,
                                   const TripletLoss& loss, float* gradient, cudaStream_t stream) {
  const SynchronizeOnExit synchronize(stream);
  return reportOf(
      memory_->loss.run({embeddings, n, loss.dimensions}, triplets, loss, true, gradient, stream));
}

int64_t TripletStep::memoryBytes() const {
  return memory_->miner.memoryBytes() + memory_->loss.memoryBytes() + memory_->ofNegatives.bytes() +
         memory_->partial.bytes() + memory_->sums.bytes();
}

}  // namespace facenet::cuda
