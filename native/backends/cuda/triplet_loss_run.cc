#include "native/backends/cuda/triplet_loss_run.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace facenet::cuda {

LossBatch TripletLossRun::batchOf(const DeviceRows& rows, const TripletSlots& slots, int64_t count,
                                  float margin) {
  return {rows.x,
          rows.n,
          static_cast<int>(rows.dimensions),
          slots,
          count,
          margin,
          partial_.reserve(lossBlocks(count)),
          sums_.reserve(1),
          ends_.reserve(rows.n),
          parts_.reserve(3 * count)};
}

TripletSums TripletLossRun::run(const DeviceRows& rows, const TripletSlots& slots, int64_t count,
                                const TripletLoss& loss, bool mean, float* gradient, cudaStream_t stream) {
  loss.throwIfCancelled();
  const LossBatch batch = batchOf(rows, slots, count, loss.margin);
  sumTriplets(batch, stream);
  loss.throwIfCancelled();
  tripletGradient(batch, mean, gradient, stream);
  FACENET_CUDA_CHECK(
      cudaMemcpyAsync(hostSums_.data(), batch.sums, sizeof(TripletSums), cudaMemcpyDeviceToHost, stream));
  FACENET_CUDA_CHECK(cudaStreamSynchronize(stream));
  return *reinterpret_cast<const TripletSums*>(hostSums_.data());
}

TripletSums TripletLossRun::run(const DeviceRows& rows, const TripletsView& triplets, const TripletLoss& loss,
                                bool mean, float* gradient, cudaStream_t stream) {
  const auto upload = [&](const int32_t* from, GrowingBuffer<int32_t>& to) {
    loss.throwIfCancelled();
    int32_t* indices = to.reserve(triplets.count);
    copyToDevice(indices, from, static_cast<size_t>(triplets.count) * sizeof(int32_t));
    return indices;
  };
  const int32_t* negatives = upload(triplets.negatives, negatives_);
  const TripletSlots slots{upload(triplets.anchors, anchors_), upload(triplets.positives, positives_),
                           positiveDistances_.reserve(triplets.count), keys_.reserve(triplets.count)};
  measureTriplets(batchOf(rows, slots, triplets.count, loss.margin), negatives, stream);
  return run(rows, slots, triplets.count, loss, mean, gradient, stream);
}

double TripletLossRun::lossInOrder(int64_t count, const TripletLoss& loss) const {
  constexpr int64_t kPiece = int64_t{1} << 20;
  std::vector<float> positive(static_cast<size_t>(std::min(count, kPiece)));
  std::vector<DistanceKey> negative(positive.size());
  const auto download = [](const auto* from, size_t values, auto* to) {
    FACENET_CUDA_CHECK(cudaMemcpy(to, from, values * sizeof *from, cudaMemcpyDeviceToHost));
  };
  double sum = 0;
  for (int64_t first = 0; first < count; first += kPiece) {
    loss.throwIfCancelled();
    const auto values = static_cast<size_t>(std::min(count - first, kPiece));
    download(positiveDistances_.data() + first, values, positive.data());
    download(keys_.data() + first, values, negative.data());
    for (size_t i = 0; i < values; ++i) {
      const auto distance = std::bit_cast<float>(static_cast<uint32_t>(negative[i] >> 32));
      const float hinge = (positive[i] + loss.margin) - distance;
      if (hinge > 0) sum += hinge;
    }
  }
  return sum;
}

int64_t TripletLossRun::memoryBytes() const {
  const auto bytesOf = [](const auto&... buffers) { return (buffers.bytes() + ...); };
  return bytesOf(partial_, sums_, ends_, anchors_, positives_, negatives_, parts_, positiveDistances_, keys_);
}

}  // namespace facenet::cuda
