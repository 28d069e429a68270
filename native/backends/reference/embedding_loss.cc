// Losses of ops/loss.h in fp64, with every product as its formula reads.
#include "native/backends/reference/backend.h"
#include "native/ops/loss_batch.h"

namespace facenet::reference {
namespace {

// Rows of unit length, with the length that each had.
struct UnitRows {
  UnitRows(const float* rows, int64_t count, int64_t dimensions)
      : dimensions(dimensions), values(static_cast<size_t>(count * dimensions)) {
    for (int64_t i = 0; i < count; ++i) {
      double squares = 0;
      for (int64_t k = 0; k < dimensions; ++k) {
        const double value = rows[i * dimensions + k];
        squares += value * value;
      }
      lengths.push_back(std::sqrt(squares));
      for (int64_t k = 0; k < dimensions; ++k)
        values[i * dimensions + k] = rows[i * dimensions + k] / std::max(lengths.back(), 1e-12);
    }
  }

  const double* row(int64_t i) const { return values.data() + i * dimensions; }
  int64_t count() const { return static_cast<int64_t>(lengths.size()); }

  // From the derivative with respect to unit rows, and to lengths, to that of the rows: (d - (d . u) u) / |x|.
  void gradient(const std::vector<double>& ofUnit, const std::vector<double>& ofLength, float* out) const {
    for (int64_t i = 0; i < count(); ++i) {
      const double *u = row(i), *d = ofUnit.data() + i * dimensions;
      double along = 0;
      for (int64_t k = 0; k < dimensions; ++k) along += d[k] * u[k];
      for (int64_t k = 0; k < dimensions; ++k)
        out[i * dimensions + k] =
            static_cast<float>((d[k] - along * u[k]) / std::max(lengths[i], 1e-12) + ofLength[i] * u[k]);
    }
  }

  int64_t dimensions;
  std::vector<double> values, lengths;
};

void addScaled(double* to, const double* from, double factor, int64_t count) {
  for (int64_t k = 0; k < count; ++k) to[k] += factor * from[k];
}

}  // namespace

BatchLoss embeddingLoss(const Loss& loss, const LossBatch& batch, const LossGradients& gradients) {
  const int64_t n = batch.n, dimensions = batch.dimensions;
  const UnitRows x(batch.x, n, dimensions),
      w(batch.classes, loss.hasClasses() ? loss.numClasses : 0, dimensions);
  const LossSides sides(loss, batch, x.lengths);
  std::vector<double> dx(x.values.size()), dw(w.values.size()), dLength(n);
  std::vector<RowLoss> rows;
  if (sides.terms() > 0) {
    const UnitRows &left = sides.rowsAreClasses() ? w : x, &right = sides.columnsAreClasses() ? w : x;
    std::vector<double>&dLeft = sides.rowsAreClasses() ? dw : dx,
    &dRight = sides.columnsAreClasses() ? dw : dx;
    std::vector<double> s(static_cast<size_t>(right.count()));
    for (int64_t i = 0; i < left.count(); ++i) {
      batch.throwIfCancelled();
      for (int64_t j = 0; j < right.count(); ++j) {
        s[j] = 0;
        for (int64_t k = 0; k < dimensions; ++k) s[j] += left.row(i)[k] * right.row(j)[k];
      }
      rows.push_back(sides.row(i, s.data()));
      if (!sides.rowsAreClasses()) dLength[i] = rows.back().lengthGradient;
      for (int64_t j = 0; j < right.count(); ++j) {
        addScaled(dLeft.data() + i * dimensions, right.row(j), s[j], dimensions);
        addScaled(dRight.data() + j * dimensions, left.row(i), s[j], dimensions);
      }
    }
  }
  x.gradient(dx, dLength, gradients.x);
  if (loss.hasClasses()) w.gradient(dw, std::vector<double>(w.lengths.size()), gradients.classes);
  return sides.sumOf(rows);
}

}  // namespace facenet::reference
