// Channels of an image that attend to each other, head by head.
#include <algorithm>
#include <cmath>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

namespace {

// The channels of one head of one image.
struct Head {
  int64_t n, first, channels;

  double at(const View& view, int64_t pixel, int64_t channel) const {
    return load(view, pixelIndex(view, n, 0, 0) + pixel * view.pixelStride + first + channel);
  }
};

// What its channels give of each other: d x d values, those of one query in a row.
template <class Real>
struct HeadWeights {
  HeadWeights(const View& q, const View& k, const Head& head, float epsilon, Real scale)
      : channels(head.channels), queries(lengths(q, head, epsilon)), keys(lengths(k, head, epsilon)) {
    const auto size = static_cast<size_t>(channels * channels);
    cosines.resize(size), weights.resize(size);
    for (int64_t i = 0; i < channels; ++i) {
      for (int64_t j = 0; j < channels; ++j) {
        Real sum = 0;
        for (int64_t p = 0; p < q.shape.pixels(); ++p)
          sum += static_cast<Real>(head.at(q, p, i)) * static_cast<Real>(head.at(k, p, j));
        cosines[at(i, j)] = sum / (queries[static_cast<size_t>(i)] * keys[static_cast<size_t>(j)]);
      }
      Real most = scale * cosines[at(i, 0)], total = 0;
      for (int64_t j = 0; j < channels; ++j) most = std::max(most, scale * cosines[at(i, j)]);
      for (int64_t j = 0; j < channels; ++j)
        total += weights[at(i, j)] = std::exp(scale * cosines[at(i, j)] - most);
      for (int64_t j = 0; j < channels; ++j) weights[at(i, j)] /= total;
    }
  }

  size_t at(int64_t query, int64_t key) const { return static_cast<size_t>(query * channels + key); }

  static std::vector<Real> lengths(const View& x, const Head& head, float epsilon) {
    std::vector<Real> result;
    for (int64_t c = 0; c < head.channels; ++c) {
      Real squares = 0;
      for (int64_t p = 0; p < x.shape.pixels(); ++p) {
        const auto value = static_cast<Real>(head.at(x, p, c));
        squares += value * value;
      }
      result.push_back(std::max(std::sqrt(squares), static_cast<Real>(epsilon)));
    }
    return result;
  }

  int64_t channels;
  std::vector<Real> queries, keys;     // lengths
  std::vector<Real> cosines, weights;  // c and a of ops/cross_covariance_attention.h
};

// body(head, its number) for all of all images.
template <class Body>
void forEachHead(const CrossCovarianceAttention& op, const View& view, Body body) {
  const int64_t channels = op.headChannels(view.shape);
  for (int64_t n = 0; n < view.count; ++n)
    for (int64_t h = 0; h < op.heads; ++h) body(Head{n, h * channels, channels}, h);
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const CrossCovarianceAttention& op, const StepContext& context) {
  const std::vector<float> scale =
      context.weights.read(op.scale, {op.heads}, context.step.name, /*allowScalar=*/true);
  return plainLoop([op, scale](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &q = inputs[0], &k = inputs[1], &v = inputs[2], &y = outputs[0];
    forEachHead(op, y, [&](const Head& head, int64_t h) {
      const HeadWeights<double> made(q, k, head, op.epsilon,
                                     static_cast<double>(scale[static_cast<size_t>(h)]));
      for (int64_t p = 0; p < y.shape.pixels(); ++p)
        for (int64_t i = 0; i < head.channels; ++i) {
          double sum = 0;
          for (int64_t j = 0; j < head.channels; ++j) sum += made.weights[made.at(i, j)] * head.at(v, p, j);
          store(y, pixelIndex(y, head.n, 0, 0) + p * y.pixelStride + head.first + i, sum);
        }
    });
  });
}

namespace {

template <class Real>
class CrossCovarianceLoops final : public PlainLoops<CrossCovarianceAttention> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    Sum<Real> scale(context_, op_.scale, pass);
    Batch<Real> dq(pass.x[0]), dk(pass.x[1]), dv(pass.x[2]);
    forEachHead(op_, pass.x[0], [&](const Head& head, int64_t h) {
      const HeadWeights<Real> made(pass.x[0], pass.x[1], head, op_.epsilon, scale.value(h));
      const View& dy = gradients.dy[0];
      // dc, a query in a row.
      std::vector<Real> cosines(made.weights.size());
      for (int64_t i = 0; i < head.channels; ++i) {
        Real mean = 0;
        for (int64_t j = 0; j < head.channels; ++j) {
          Real& weight = cosines[made.at(i, j)];
          for (int64_t p = 0; p < dy.shape.pixels(); ++p)
            weight += static_cast<Real>(head.at(dy, p, i)) * static_cast<Real>(head.at(pass.x[2], p, j));
          mean += made.weights[made.at(i, j)] * weight;
        }
        for (int64_t j = 0; j < head.channels; ++j) {
          const size_t at = made.at(i, j);
          const Real logit = made.weights[at] * (cosines[at] - mean);
          scale.add(h, logit * made.cosines[at]);
          cosines[at] = scale.value(h) * logit;
        }
      }
      addValues(made, head, dy, dv);
      addSide(made, cosines, head, true, pass.x, dq);
      addSide(made, cosines, head, false, pass.x, dk);
    });
    dq.write(gradients.dx[0], gradients.accumulate[0]);
    dk.write(gradients.dx[1], gradients.accumulate[1]);
    dv.write(gradients.dx[2], gradients.accumulate[2]);
    scale.write(gradients);
  }

 private:
  static void addValues(const HeadWeights<Real>& made, const Head& head, const View& dy, Batch<Real>& dv) {
    for (int64_t p = 0; p < dy.shape.pixels(); ++p)
      for (int64_t j = 0; j < head.channels; ++j)
        for (int64_t i = 0; i < head.channels; ++i)
          dv.at(head.n, 0, p, head.first + j) +=
              made.weights[made.at(i, j)] * static_cast<Real>(head.at(dy, p, i));
  }

  // The gradient of the queries, or of the keys.
  void addSide(const HeadWeights<Real>& made, const std::vector<Real>& cosines, const Head& head,
               bool ofQueries, const std::vector<View>& x, Batch<Real>& dx) const {
    const View &own = x[ofQueries ? 0 : 1], &others = x[ofQueries ? 1 : 0];
    const std::vector<Real>& lengths = ofQueries ? made.queries : made.keys;
    const std::vector<Real>& otherLengths = ofQueries ? made.keys : made.queries;
    for (int64_t c = 0; c < head.channels; ++c) {
      const Real length = lengths[static_cast<size_t>(c)];
      const bool constant = !(length > static_cast<Real>(op_.epsilon));
      const auto at = [&](int64_t other) { return ofQueries ? made.at(c, other) : made.at(other, c); };
      Real along = 0;
      for (int64_t other = 0; other < head.channels; ++other)
        along += cosines[at(other)] * made.cosines[at(other)];
      for (int64_t p = 0; p < own.shape.pixels(); ++p) {
        Real sum = 0;
        for (int64_t other = 0; other < head.channels; ++other)
          sum += cosines[at(other)] * static_cast<Real>(head.at(others, p, other)) /
                 otherLengths[static_cast<size_t>(other)];
        if (!constant) sum -= static_cast<Real>(head.at(own, p, c)) / length * along;
        dx.at(head.n, 0, p, head.first + c) = sum / length;
      }
    }
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const CrossCovarianceAttention& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<CrossCovarianceLoops>(op, context, sums);
}

}  // namespace facenet::reference
