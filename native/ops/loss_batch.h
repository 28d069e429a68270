// What stands on the two sides of the similarities of a batch, and the loss of a row of them: see ops/loss.h.
#pragma once

#include <map>

#include "native/ops/loss_rows.h"

namespace facenet {

class LossSides {
 public:
  // `lengths`: |x| of each row. Moves the batch's running statistics.
  LossSides(const Loss& loss, const LossBatch& batch, const std::vector<double>& lengths)
      : loss_(loss), batch_(batch), lengths_(lengths) {
    for (int64_t i = 0; i < batch.n; ++i) ++rowsOf_[batch.labels[i]];
    if (loss.kind == Loss::Kind::adaFace) qualities_ = qualitiesOf(loss, lengths, batch.lengths);
  }

  int64_t rows() const { return rowsAreClasses() ? loss_.numClasses : batch_.n; }
  int64_t columns() const { return loss_.hasClasses() && !rowsAreClasses() ? loss_.numClasses : batch_.n; }
  // Else they are embeddings.
  bool rowsAreClasses() const { return loss_.kind == Loss::Kind::proxyAnchor; }
  bool columnsAreClasses() const { return loss_.hasClasses() && !rowsAreClasses(); }

  // What the loss is the mean of; 0 where there is nothing to compare.
  int64_t terms() const {
    if (loss_.kind == Loss::Kind::ntXent) return rowsOf_.size() < 2 ? 0 : pairs();
    if (loss_.kind == Loss::Kind::multiSimilarity) return rowsOf_.size() < 2 && pairs() == 0 ? 0 : batch_.n;
    return batch_.n;
  }

  // What a row, a class with rows here and any class have in the loss.
  struct Shares {
    double row, positive, negative;
  };
  Shares shares() const {
    return {1 / static_cast<double>(terms()), 1 / static_cast<double>(rowsOf_.size()),
            1 / static_cast<double>(loss_.numClasses)};
  }
  // adaFace: of each row; else empty.
  const std::vector<double>& qualities() const { return qualities_; }

  // `s`, the similarities of row i, becomes the derivative of the batch's loss.
  template <class Real>
  RowLoss row(int64_t i, Real* s) const {
    const auto [share, positiveShare, negativeShare] = shares();
    const PairColumns pairs{batch_.labels, batch_.n, i, rowsAreClasses() ? 0 : batch_.labels[i]};
    switch (loss_.kind) {
      case Loss::Kind::ntXent: return ntXentRow(loss_, s, pairs, share);
      case Loss::Kind::multiSimilarity: return multiSimilarityRow(loss_, s, pairs, share);
      case Loss::Kind::proxyAnchor:
        return proxyAnchorRow(loss_, s, batch_.labels, batch_.n, i, positiveShare, negativeShare);
      default:
        return classRow(loss_, s, loss_.numClasses, batch_.labels[i], lengths_[static_cast<size_t>(i)],
                        qualities_.empty() ? 0 : qualities_[static_cast<size_t>(i)], share);
    }
  }

  // Of rows in their order. Without a pair that multiSimilarity takes there is nothing to learn from.
  BatchLoss sumOf(const std::vector<RowLoss>& rows) const {
    LossSum sum;
    for (const RowLoss& row : rows) sum.add(row);
    const BatchLoss result = sum.of(terms());
    return loss_.kind == Loss::Kind::multiSimilarity && result.active == 0 ? sum.of(0) : result;
  }

 private:
  int64_t pairs() const {
    int64_t sum = 0;
    for (const auto& [label, count] : rowsOf_) sum += count * (count - 1);
    return sum;
  }

  const Loss& loss_;
  const LossBatch& batch_;
  const std::vector<double>& lengths_;
  std::map<int32_t, int64_t> rowsOf_;
  std::vector<double> qualities_;
};

}  // namespace facenet
