// Losses of ops/loss.h on the CPU: a block of rows at a time, whose similarities to all columns are a product, become
// derivatives in place, and go into the products of both gradients. Blocks follow from the shapes alone and are added in
// their order, so results do not depend on threads.
#include <algorithm>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/product.h"
#include "native/core/thread_pool.h"
#include "native/ops/loss_batch.h"

namespace facenet::cpu {
namespace {

constexpr int64_t kBlockRows = 64, kLeastRows = 4;
constexpr int64_t kBlockElements = int64_t{1} << 24;  // of similarities, 64 MiB
constexpr int64_t kRowsAtOnce = 16;

// Rows of unit length, with the length that each had.
class UnitRows {
 public:
  UnitRows(const float* rows, int64_t count, int64_t dimensions, ThreadPool& pool)
      : dimensions_(dimensions), pool_(pool), lengths_(static_cast<size_t>(count)) {
    values_ = alignedArray<float>(count * dimensions);
    gradient_ = alignedArray<float>(count * dimensions);
    std::fill_n(gradient_.get(), count * dimensions, 0.0f);
    eachRow([&](int64_t i) {
      const float* row = rows + i * dimensions_;
      double squares = 0;
      for (int64_t k = 0; k < dimensions_; ++k) squares += static_cast<double>(row[k]) * row[k];
      const double length = lengths_[static_cast<size_t>(i)] = std::sqrt(squares);
      const auto factor = static_cast<float>(1 / std::max(length, 1e-12));
      for (int64_t k = 0; k < dimensions_; ++k) values_[i * dimensions_ + k] = row[k] * factor;
    });
  }

  int64_t count() const { return static_cast<int64_t>(lengths_.size()); }
  const std::vector<double>& lengths() const { return lengths_; }
  const float* row(int64_t i) const { return values_.get() + i * dimensions_; }
  float* gradient(int64_t i) { return gradient_.get() + i * dimensions_; }

  // The right factor of similarities to these rows, and of sums of these rows.
  Product similarities() const { return {values_.get(), dimensions_, count(), 1, dimensions_, pool_}; }
  Product sums(int64_t first, int64_t rows) const {
    return {row(first), rows, dimensions_, dimensions_, 1, pool_};
  }

  // From the derivative with respect to unit rows, and to lengths, to that of the rows: (d - (d . u) u) / |x|.
  template <class OfLength>
  void writeGradient(const OfLength& ofLength, float* out) {
    eachRow([&](int64_t i) {
      const float *u = row(i), *d = gradient(i);
      double along = 0;
      for (int64_t k = 0; k < dimensions_; ++k) along += static_cast<double>(d[k]) * u[k];
      const double length = std::max(lengths_[static_cast<size_t>(i)], 1e-12);
      const auto factor = static_cast<float>(1 / length);
      const auto back = static_cast<float>(ofLength(i) - along / length);
      for (int64_t k = 0; k < dimensions_; ++k) out[i * dimensions_ + k] = d[k] * factor + back * u[k];
    });
  }

 private:
  template <class Body>
  void eachRow(const Body& body) {
    pool_.run(ceilDivide(count(), kRowsAtOnce), [&](int64_t item, int) {
      for (int64_t i = item * kRowsAtOnce; i < std::min((item + 1) * kRowsAtOnce, count()); ++i) body(i);
    });
  }

  int64_t dimensions_;
  ThreadPool& pool_;
  std::vector<double> lengths_;
  AlignedArray<float> values_, gradient_;
};

// rows x columns to columns x rows.
void transpose(const float* from, int64_t rows, int64_t columns, float* to, ThreadPool& pool) {
  constexpr int64_t tile = 64;
  pool.run(ceilDivide(columns, tile), [&](int64_t item, int) {
    for (int64_t j = item * tile; j < std::min((item + 1) * tile, columns); ++j)
      for (int64_t i = 0; i < rows; ++i) to[j * rows + i] = from[i * columns + j];
  });
}

std::vector<RowLoss> computeRows(const LossSides& sides, const LossBatch& batch, UnitRows& left,
                                 UnitRows& right, ThreadPool& pool) {
  const int64_t count = left.count(), columns = right.count();
  const int64_t blockRows = std::clamp(kBlockElements / columns, kLeastRows, kBlockRows);
  const Product similarities = right.similarities(), sums = right.sums(0, columns);
  const AlignedArray<float> block = alignedArray<float>(blockRows * columns);
  const AlignedArray<float> turned = alignedArray<float>(blockRows * columns);
  std::vector<RowLoss> result(static_cast<size_t>(count));
  for (int64_t first = 0; first < count; first += blockRows) {
    const int64_t rows = std::min(blockRows, count - first);
    batch.throwIfCancelled();
    similarities.run(left.row(first), rows, block.get());
    pool.run(rows, [&](int64_t i, int) {
      result[static_cast<size_t>(first + i)] = sides.row(first + i, block.get() + i * columns);
    });
    sums.run(block.get(), rows, left.gradient(first), true);
    transpose(block.get(), rows, columns, turned.get(), pool);
    left.sums(first, rows).run(turned.get(), columns, right.gradient(0), true);
  }
  return result;
}

}  // namespace

BatchLoss CpuBackend::embeddingLoss(const Loss& loss, const LossBatch& batch,
                                    const LossGradients& gradients) const {
  ThreadPool pool(batch.threads);
  UnitRows x(batch.x, batch.n, batch.dimensions, pool);
  UnitRows w(batch.classes, loss.hasClasses() ? loss.numClasses : 0, batch.dimensions, pool);
  const LossSides sides(loss, batch, x.lengths());
  std::vector<RowLoss> rows;
  if (sides.terms() > 0)
    rows = computeRows(sides, batch, sides.rowsAreClasses() ? w : x, sides.columnsAreClasses() ? w : x, pool);
  x.writeGradient(
      [&](int64_t i) {
        return sides.rowsAreClasses() || rows.empty() ? 0.0 : rows[static_cast<size_t>(i)].lengthGradient;
      },
      gradients.x);
  if (loss.hasClasses()) w.writeGradient([](int64_t) { return 0.0; }, gradients.classes);
  return sides.sumOf(rows);
}

}  // namespace facenet::cpu
