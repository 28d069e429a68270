// Losses of a batch of labelled embeddings, beside the triplet hinge of ops/triplet_loss.h, and their gradients. Names,
// options and defaults are those of pytorch-metric-learning. x[i] are the n rows, y[i] their labels, w[c] the weights of
// class c, which are trained. u[i] = x[i] / |x[i]| and v[c] = w[c] / |w[c]|; a row shorter than 1e-12 is divided by that.
// s(i, j) is the cosine of what the loss compares: u[i] . v[j] or u[i] . u[j].
//
// Losses of class weights: the mean over rows of -log softmax(z(i))[y[i]], with z(i, c) = f s(i, c) for the other classes
// and z(i, y) = f t for the row's own, where theta = acos s(i, y), s clamped to +-(1 - 1e-7):
//   arcFace     f = scale;  t = cos(theta + m) where theta <= pi - m, else cos(theta) - m sin(m), with m = `margin` in
//               degrees.                                         (Deng, Guo, Xue, Zafeiriou, CVPR 2019)
//   cosFace     f = scale;  t = s - margin.                       (Wang et al., CVPR 2018)
//   sphereFace  f = scale |x[i]|;  t = (-1)^k cos(margin theta) - 2 k, with k = floor(margin theta / pi) and a whole
//               margin.                                           (Liu et al., CVPR 2017)
//   adaFace     f = scale;  t = cos(clamp(theta - m q, 1e-3, pi - 1e-3)) - (m + m q), with m = `margin` and every s clamped
//               to +-(1 - 1e-3). The quality q = clamp(h (|x| - mean) / (deviation + 1e-3), -1, 1) of a row has no
//               gradient; |x| is clamped to 1e-3..100, mean and deviation (of a sample) are running ones that this batch
//               has moved by the share tAlpha.                    (Kim, Jain, Liu, CVPR 2022)
// Losses of pairs, P(i) being the other rows of i's label and N(i) the rows of other labels:
//   ntXent           the mean over all pairs (i, p in P(i)) of -log(e(p) / (e(p) + sum over n in N(i) of e(n))) with
//                    e(j) = exp(s(i, j) / temperature); a row without N(i) has no loss. N-pair, InfoNCE.
//                                                                 (Sohn, NIPS 2016; van den Oord et al., 2018)
//   multiSimilarity  the mean over rows of log(1 + sum over p of exp(-alpha (s(i, p) - base))) / alpha +
//                    log(1 + sum over n of exp(beta (s(i, n) - base))) / beta, over those p with
//                    s(i, p) - epsilon < the largest s(i, n), and those n with s(i, n) + epsilon > the least s(i, p).
//                                                                 (Wang et al., CVPR 2019)
// Losses of proxies, which are class weights too:
//   proxyAnchor      the mean over classes with rows here of log(1 + sum over their rows of exp(-alpha (s - margin))) plus
//                    the mean over all classes of log(1 + sum over other rows of exp(alpha (s + margin))).
//                                                                 (Kim, Kim, Cho, Kwak, CVPR 2020)
#pragma once

#include <atomic>
#include <cstdint>

#include "native/core/cancel.h"

namespace facenet {

struct Loss {
  enum class Kind : uint8_t {
    triplet,  // ops/triplet_loss.h
    ntXent,
    multiSimilarity,
    arcFace,
    cosFace,
    sphereFace,
    adaFace,
    proxyAnchor
  };

  Kind kind = Kind::triplet;
  int64_t numClasses = 0;
  double margin = 0, scale = 1;          // of class weights; proxyAnchor: margin
  double alpha = 1, beta = 1, base = 0;  // multiSimilarity; proxyAnchor: alpha
  double epsilon = 0, temperature = 1;   // multiSimilarity; ntXent
  double h = 0, tAlpha = 1;              // adaFace

  bool hasClasses() const { return kind >= Kind::arcFace; }
  // Whether the length of an embedding before its normalisation says something.
  bool needsLength() const { return kind == Kind::sphereFace || kind == Kind::adaFace; }
};

// Rows are dense fp32, `dimensions` floats each, finite, owned by the caller.
struct LossBatch {
  const float* x = nullptr;  // n rows
  const int32_t* labels = nullptr;
  int64_t n = 0, dimensions = 0;
  const float* classes = nullptr;  // numClasses rows; labels are below numClasses and at least 0
  float* lengths = nullptr;        // adaFace: running mean and deviation of |x|, moved by this batch
  int threads = 1;                 // the reference backend uses one
  const std::atomic<int32_t>* cancel = nullptr;  // non-zero stops with ERR_FACENET_ABORTED

  void throwIfCancelled() const { facenet::throwIfCancelled(cancel); }
};

// Of the loss, overwritten. Without terms both are zero.
struct LossGradients {
  float* x;        // n rows
  float* classes;  // numClasses rows; null for losses of pairs
};

struct BatchLoss {
  double loss = 0;
  int64_t terms = 0;  // what it is the mean of: rows, of ntXent pairs; 0: there is nothing to learn from
  int64_t active =
      0;  // class weights: rows to which another class is at least as near as their own; else terms > 0
  // Mean squared distances on the unit sphere: of rows to their positives (own class, rows of their label), and to the
  // nearest of their negatives.
  double meanPositive = 0, meanNegative = 0;
};

// Of losses with classes.
inline void checkClassLabels(const Loss& loss, const int32_t* labels, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    if (labels[i] < 0 || labels[i] >= loss.numClasses)
      throw invalidArgument(text("labels[", i, "]"), text("a class below numClasses, ", loss.numClasses),
                            text(labels[i]));
}

// Where the running statistics of adaFace start, as its authors have them.
constexpr float adaFaceLengths[2] = {20, 100};

}  // namespace facenet
