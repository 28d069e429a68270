#include "native/backends/cuda/embedding_loss_run.h"

#include <algorithm>

namespace facenet::cuda {
namespace {

constexpr int64_t kBlockElements = int64_t{1} << 26;  // of similarities, 256 MiB
constexpr int64_t kLeastRows = 64;

template <class T>
std::vector<T> download(const T* from, int64_t count, cudaStream_t stream) {
  std::vector<T> values(static_cast<size_t>(count));
  FACENET_CUDA_CHECK(cudaStreamSynchronize(stream));
  FACENET_CUDA_CHECK(cudaMemcpy(values.data(), from, values.size() * sizeof(T), cudaMemcpyDeviceToHost));
  return values;
}

template <class T>
void upload(GrowingBuffer<T>& to, const T* from, int64_t count) {
  copyToDevice(to.reserve(count), from, static_cast<size_t>(count) * sizeof(T));
}

RowLoss toRowLoss(const DeviceRowLoss& row) {
  return {row.loss,        row.active != 0, row.lengthGradient,
          row.positiveSum, row.positives,   2 - 2 * static_cast<double>(row.nearestNegative)};
}

}  // namespace

void EmbeddingLossRun::Side::set(const float* rows, int64_t rowCount, int64_t dimensions,
                                 cudaStream_t stream) {
  count = rowCount;
  if (count == 0) return;
  const auto bytes = static_cast<size_t>(count * dimensions) * sizeof(float);
  unitRows(rows, count, dimensions, units.reserve(count * dimensions), lengths.reserve(count), stream);
  FACENET_CUDA_CHECK(cudaMemsetAsync(derivatives.reserve(count * dimensions), 0, bytes, stream));
}

void EmbeddingLossRun::Side::finish(const DeviceRowLoss* results, int64_t dimensions, float* gradient,
                                    cudaStream_t stream) const {
  unitRowsGradient(units.data(), lengths.data(), derivatives.data(), results, count, dimensions, gradient,
                   stream);
}

void EmbeddingLossRun::product(const Factor& a, const Factor& b, int64_t depth, bool add, float* out,
                               cudaStream_t stream) {
  const int64_t splits = productSplits(a.count, b.count, depth);
  multiply(a, b, depth, add, splits > 1 ? parts_.reserve(splits * a.count * b.count) : nullptr, out, stream);
}

// A block of rows at a time: its similarities to all columns are a product, become derivatives in place, and go into the
// products of both gradients. Blocks follow from the shapes alone and are added in their order.
std::vector<RowLoss> EmbeddingLossRun::computeRows(const Loss& loss, const LossBatch& batch,
                                                   const LossSides& sides, cudaStream_t stream) {
  const int64_t dimensions = batch.dimensions;
  Side& left = sides.rowsAreClasses() ? classes_ : x_;
  Side& right = sides.columnsAreClasses() ? classes_ : x_;
  const int64_t columns = right.count;
  const int64_t blockRows = std::min(std::max(kBlockElements / columns, kLeastRows), left.count);
  upload(labels_, batch.labels, batch.n);
  if (!sides.qualities().empty()) upload(qualities_, sides.qualities().data(), batch.n);
  float* const block = similarities_.reserve(blockRows * columns);
  const LossSides::Shares shares = sides.shares();
  LossRows rows{.similarities = block,
                .first = 0,
                .count = 0,
                .columns = columns,
                .labels = labels_.data(),
                .lengths = x_.lengths.data(),
                .qualities = sides.qualities().empty() ? nullptr : qualities_.data(),
                .rowsAreClasses = sides.rowsAreClasses(),
                .columnsAreClasses = sides.columnsAreClasses(),
                .share = shares.row,
                .positiveShare = shares.positive,
                .negativeShare = shares.negative,
                .results = results_.reserve(left.count)};
  for (int64_t first = 0; first < left.count; first += blockRows) {
    batch.throwIfCancelled();
    rows.first = first;
    rows.count = std::min(blockRows, left.count - first);
    const float* units = left.units.data() + first * dimensions;
    product({units, rows.count, dimensions, true}, {right.units.data(), columns, dimensions, true},
            dimensions, false, block, stream);
    lossRows(loss, rows, stream);
    product({block, rows.count, columns, true}, {right.units.data(), dimensions, dimensions, false}, columns,
            true, left.derivatives.data() + first * dimensions, stream);
    product({block, columns, columns, false}, {units, dimensions, dimensions, false}, rows.count, true,
            right.derivatives.data(), stream);
  }
  std::vector<RowLoss> found;
  for (const DeviceRowLoss& row : download(results_.data(), left.count, stream))
    found.push_back(toRowLoss(row));
  return found;
}

BatchLoss EmbeddingLossRun::run(const Loss& loss, const LossBatch& batch, const LossGradients& gradients,
                                cudaStream_t stream) {
  batch.throwIfCancelled();
  x_.set(batch.x, batch.n, batch.dimensions, stream);
  classes_.set(batch.classes, loss.hasClasses() ? loss.numClasses : 0, batch.dimensions, stream);
  const auto lengths =
      loss.kind == Loss::Kind::adaFace ? download(x_.lengths.data(), batch.n, stream) : std::vector<double>();
  const LossSides sides(loss, batch, lengths);
  std::vector<RowLoss> rows;
  if (sides.terms() > 0) rows = computeRows(loss, batch, sides, stream);
  x_.finish(rows.empty() || sides.rowsAreClasses() ? nullptr : results_.data(), batch.dimensions, gradients.x,
            stream);
  if (loss.hasClasses()) classes_.finish(nullptr, batch.dimensions, gradients.classes, stream);
  FACENET_CUDA_CHECK(cudaStreamSynchronize(stream));
  return sides.sumOf(rows);
}

}  // namespace facenet::cuda
