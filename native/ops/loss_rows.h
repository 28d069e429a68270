// One row of similarities at a time: its part of a loss of ops/loss.h, and what each similarity changes about it. Backends
// that compute on the host share these, in fp64 and in fp32; they differ in how the products before and after are made.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "native/core/integers.h"
#include "native/ops/loss.h"

namespace facenet {

struct RowLoss {
  double loss = 0;
  bool active = false;
  double lengthGradient = 0;  // with respect to |x|
  double positiveSum = 0;     // of squared distances
  int64_t positives = 0;
  double nearestNegative = std::numeric_limits<double>::infinity();  // infinite without one
};

// Rows added up in their order.
class LossSum {
 public:
  void add(const RowLoss& row) {
    sum_.loss += row.loss;
    sum_.active += row.active;
    sum_.meanPositive += row.positiveSum;
    positives_ += row.positives;
    if (std::isinf(row.nearestNegative)) return;
    sum_.meanNegative += row.nearestNegative;
    ++negatives_;
  }
  BatchLoss of(int64_t terms) const {
    BatchLoss result = sum_;
    result.terms = terms;
    if (positives_ > 0) result.meanPositive /= static_cast<double>(positives_);
    if (negatives_ > 0) result.meanNegative /= static_cast<double>(negatives_);
    return result;
  }

 private:
  BatchLoss sum_;
  int64_t positives_ = 0, negatives_ = 0;
};

// The own class's similarity with its margin, and its derivative.
struct Margined {
  double value, slope;
};

FACENET_HOST_DEVICE inline Margined margined(const Loss& loss, double similarity, double quality) {
  constexpr double pi = std::numbers::pi;
  const bool ada = loss.kind == Loss::Kind::adaFace;
  if (loss.kind == Loss::Kind::cosFace) return {similarity - loss.margin, 1};
  const double most = 1 - (ada ? 1e-3 : 1e-7);
  const double s = similarity < -most ? -most : similarity > most ? most : similarity;
  const double moves = s == similarity ? 1 : 0;
  const double theta = std::acos(s), sine = std::sqrt(1 - s * s);
  if (ada) {
    const double moved = theta - loss.margin * quality;
    const double angle = moved < 1e-3 ? 1e-3 : moved > pi - 1e-3 ? pi - 1e-3 : moved;
    return {std::cos(angle) - (loss.margin + loss.margin * quality),
            angle == moved ? moves * std::sin(angle) / sine : 0};
  }
  if (loss.kind == Loss::Kind::sphereFace) {
    const double k = std::floor(loss.margin * theta / pi), sign = k == 2 * std::floor(k / 2) ? 1 : -1;
    return {sign * std::cos(loss.margin * theta) - 2 * k,
            moves * sign * loss.margin * std::sin(loss.margin * theta) / sine};
  }
  const double m = loss.margin * pi / 180;
  if (theta <= pi - m) return {std::cos(theta + m), moves * std::sin(theta + m) / sine};
  return {s - m * std::sin(m), moves};
}

// `s`, a row's similarities to all classes, becomes the derivative of share * loss. `length`: |x|.
template <class Real>
RowLoss classRow(const Loss& loss, Real* s, int64_t count, int64_t own, double length, double quality,
                 double share) {
  RowLoss row;
  const bool ada = loss.kind == Loss::Kind::adaFace;
  const double ownSimilarity = s[own];
  const Margined target = margined(loss, ownSimilarity, quality);
  const bool scaled = loss.kind == Loss::Kind::sphereFace;
  const Real factor = static_cast<Real>(scaled ? loss.scale * length : loss.scale);
  const Real most = static_cast<Real>(1 - 1e-3);
  const auto clamped = [&](Real value) { return ada ? std::clamp(value, -most, most) : value; };

  Real nearest = -std::numeric_limits<Real>::infinity();
  for (int64_t c = 0; c < count; ++c)
    if (c != own) nearest = std::max(nearest, s[c]);
  row.active = nearest >= s[own];
  row.positiveSum = 2 - 2 * ownSimilarity;
  row.positives = 1;
  if (count > 1) row.nearestNegative = 2 - 2 * static_cast<double>(nearest);

  const Real ownLogit = factor * static_cast<Real>(target.value);
  const Real top = std::max(ownLogit, count > 1 ? factor * clamped(nearest) : ownLogit);
  double sum = std::exp(static_cast<double>(ownLogit - top)), lengthSum = 0;
  for (int64_t c = 0; c < count; ++c)
    if (c != own) sum += std::exp(factor * clamped(s[c]) - top);
  const double ownShare = std::exp(static_cast<double>(ownLogit - top)) / sum;
  row.loss = share * (std::log(sum) + static_cast<double>(top - ownLogit));

  const Real weight = static_cast<Real>(share / sum) * factor;
  for (int64_t c = 0; c < count; ++c) {
    if (c == own) continue;
    const Real value = clamped(s[c]), term = weight * std::exp(factor * value - top);
    if (scaled) lengthSum += static_cast<double>(term) * value;
    s[c] = value == s[c] ? term : 0;
  }
  const double ownTerm = share * (ownShare - 1) * static_cast<double>(factor);
  s[own] = static_cast<Real>(ownTerm * target.slope);
  if (scaled) row.lengthGradient = (lengthSum + ownTerm * target.value) / std::max(length, 1e-12);
  return row;
}

// The quality of each row, by the statistics that this batch has moved.
inline std::vector<double> qualitiesOf(const Loss& loss, const std::vector<double>& lengths,
                                       float* statistics) {
  const auto n = static_cast<double>(lengths.size());
  const auto safe = [](double length) { return std::clamp(length, 1e-3, 100.0); };
  double mean = 0, squares = 0;
  for (const double length : lengths) mean += safe(length) / n;
  for (const double length : lengths) squares += (safe(length) - mean) * (safe(length) - mean);
  const double deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
  statistics[0] = static_cast<float>(loss.tAlpha * mean + (1 - loss.tAlpha) * statistics[0]);
  statistics[1] = static_cast<float>(loss.tAlpha * deviation + (1 - loss.tAlpha) * statistics[1]);
  std::vector<double> result;
  for (const double length : lengths)
    result.push_back(std::clamp(loss.h * (safe(length) - statistics[0]) / (statistics[1] + 1e-3), -1.0, 1.0));
  return result;
}

// Rows of one label among `count` columns, `self` the column of the row itself, -1 where it is none.
struct PairColumns {
  const int32_t* labels;
  int64_t count, self;
  int32_t label;

  bool positive(int64_t j) const { return labels[j] == label && j != self; }
  bool negative(int64_t j) const { return labels[j] != label; }
};

template <class Real>
RowLoss pairDistances(const Real* s, const PairColumns& columns) {
  RowLoss row;
  for (int64_t j = 0; j < columns.count; ++j) {
    const double distance = 2 - 2 * static_cast<double>(s[j]);
    if (columns.positive(j)) row.positiveSum += distance, ++row.positives;
    if (columns.negative(j)) row.nearestNegative = std::min(row.nearestNegative, distance);
  }
  return row;
}

template <class Real>
RowLoss ntXentRow(const Loss& loss, Real* s, const PairColumns& columns, double share) {
  RowLoss row = pairDistances(s, columns);
  const int64_t count = columns.count;
  if (row.positives == 0 || std::isinf(row.nearestNegative)) {
    std::fill_n(s, count, Real(0));
    return row;
  }
  row.active = true;
  const Real sharpness = static_cast<Real>(1 / loss.temperature);
  const Real top = static_cast<Real>(1 - row.nearestNegative / 2) * sharpness;  // of the negatives' logits
  double sum = 0;  // over them of exp(logit - top)
  for (int64_t j = 0; j < count; ++j)
    if (columns.negative(j)) sum += std::exp(sharpness * s[j] - top);
  const double negatives = top + std::log(sum);
  double missed = 0;  // over positives, the share that the negatives have of the sum
  for (int64_t j = 0; j < count; ++j) {
    if (!columns.positive(j)) continue;
    const double over = negatives - static_cast<double>(sharpness) * s[j];
    row.loss += share * (over > 0 ? over + std::log1p(std::exp(-over)) : std::log1p(std::exp(over)));
    const double miss = 1 / (1 + std::exp(-over));
    missed += miss;
    s[j] = static_cast<Real>(-share * miss) * sharpness;
  }
  const Real weight = static_cast<Real>(share * missed / sum) * sharpness;
  for (int64_t j = 0; j < count; ++j) {
    if (columns.negative(j))
      s[j] = weight * std::exp(sharpness * s[j] - top);
    else if (!columns.positive(j))
      s[j] = 0;
  }
  return row;
}

// log(1 + sum of exp(v)) over values that are added one by one, and the shares that they have of it.
class LogSum {
 public:
  void see(double value) { top_ = std::max(top_, value); }
  void add(double value) { sum_ += std::exp(value - top_); }
  double value() const { return top_ + std::log(total()); }
  double share(double value) const { return std::exp(value - top_) / total(); }

 private:
  double total() const { return std::exp(-top_) + sum_; }
  double top_ = 0, sum_ = 0;
};

template <class Real>
RowLoss multiSimilarityRow(const Loss& loss, Real* s, const PairColumns& columns, double share) {
  RowLoss row = pairDistances(s, columns);
  double least = std::numeric_limits<double>::infinity(), largest = -least;
  for (int64_t j = 0; j < columns.count; ++j) {
    if (columns.positive(j)) least = std::min(least, static_cast<double>(s[j]));
    if (columns.negative(j)) largest = std::max(largest, static_cast<double>(s[j]));
  }
  const auto takesPositive = [&](int64_t j) { return columns.positive(j) && s[j] - loss.epsilon < largest; };
  const auto takesNegative = [&](int64_t j) { return columns.negative(j) && s[j] + loss.epsilon > least; };
  const auto near = [&](int64_t j) { return -loss.alpha * (s[j] - loss.base); };
  const auto far = [&](int64_t j) { return loss.beta * (s[j] - loss.base); };
  LogSum positives, negatives;
  for (int64_t j = 0; j < columns.count; ++j) {
    if (takesPositive(j)) positives.see(near(j)), row.active = true;
    if (takesNegative(j)) negatives.see(far(j)), row.active = true;
  }
  for (int64_t j = 0; j < columns.count; ++j) {
    if (takesPositive(j)) positives.add(near(j));
    if (takesNegative(j)) negatives.add(far(j));
  }
  if (row.active) row.loss = share * (positives.value() / loss.alpha + negatives.value() / loss.beta);
  for (int64_t j = 0; j < columns.count; ++j)
    s[j] = static_cast<Real>(takesPositive(j)   ? -share * positives.share(near(j))
                             : takesNegative(j) ? share * negatives.share(far(j))
                                                : 0);
  return row;
}

// The similarities of one class's proxy to `count` rows. `positiveShare`, `negativeShare`: of each kind of class in its mean.
template <class Real>
RowLoss proxyAnchorRow(const Loss& loss, Real* s, const int32_t* labels, int64_t count, int64_t own,
                       double positiveShare, double negativeShare) {
  RowLoss row = pairDistances(s, {labels, count, -1, static_cast<int32_t>(own)});
  const auto near = [&](int64_t i) { return -loss.alpha * (s[i] - loss.margin); };
  const auto far = [&](int64_t i) { return loss.alpha * (s[i] + loss.margin); };
  LogSum positives, negatives;
  for (int64_t i = 0; i < count; ++i) labels[i] == own ? positives.see(near(i)) : negatives.see(far(i));
  for (int64_t i = 0; i < count; ++i) labels[i] == own ? positives.add(near(i)) : negatives.add(far(i));
  if (row.positives > 0) row.loss += positiveShare * positives.value();
  row.loss += negativeShare * negatives.value();
  for (int64_t i = 0; i < count; ++i)
    s[i] = static_cast<Real>(labels[i] == own ? -positiveShare * loss.alpha * positives.share(near(i))
                                              : negativeShare * loss.alpha * negatives.share(far(i)));
  return row;
}

}  // namespace facenet
