#include "cuda/cross_covariance_attention.cuh"

#include <algorithm>
#include <cmath>

#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::CrossCovarianceAttention;
using facenet::cuda::HeadScale;

constexpr int64_t kCount = 2;
const std::vector<float> kScales{1.5f, -0.5f, 2, 0.25f, 1};

// One head of one image in fp64, by the formulas of native/ops/cross_covariance_attention.h.
struct Head {
  Head(const TestView& q, const TestView& k, const TestView& v, const Shape& shape, int64_t n, int64_t first,
       int64_t d, double scale)
      : pixels(shape.pixels()), d(d), scale(scale) {
    for (const auto& [from, to] : {std::pair{&q, &queries}, {&k, &keys}, {&v, &values}})
      for (int64_t c = 0; c < d; ++c)
        for (int64_t p = 0; p < pixels; ++p)
          to->push_back(from->at(n, p / shape.width, p % shape.width, first + c));
    for (int64_t i = 0; i < d; ++i) {
      double total = 0;
      for (int64_t j = 0; j < d; ++j) {
        cosines.push_back(dot(queries, i, keys, j) / (length(queries, i) * length(keys, j)));
        weights.push_back(std::exp(scale * cosines.back()));
        total += weights.back();
      }
      for (int64_t j = 0; j < d; ++j) weights[at(i, j)] /= total;
    }
  }

  size_t at(int64_t i, int64_t j) const { return static_cast<size_t>(i * d + j); }
  double value(const std::vector<double>& x, int64_t c, int64_t p) const {
    return x[static_cast<size_t>(c * pixels + p)];
  }
  double dot(const std::vector<double>& a, int64_t i, const std::vector<double>& b, int64_t j) const {
    double sum = 0;
    for (int64_t p = 0; p < pixels; ++p) sum += value(a, i, p) * value(b, j, p);
    return sum;
  }
  double length(const std::vector<double>& x, int64_t c) const { return std::sqrt(dot(x, c, x, c)); }
  double output(int64_t i, int64_t p) const {
    double sum = 0;
    for (int64_t j = 0; j < d; ++j) sum += weights[at(i, j)] * value(values, j, p);
    return sum;
  }

  // Of the cosines, from that of the outputs; and of the scale.
  std::vector<double> cosineGradients(const std::vector<double>& dy, double& ofScale) const {
    std::vector<double> result(cosines.size());
    for (int64_t i = 0; i < d; ++i) {
      double mean = 0;
      for (int64_t j = 0; j < d; ++j) mean += weights[at(i, j)] * dot(dy, i, values, j);
      for (int64_t j = 0; j < d; ++j) {
        const double logit = weights[at(i, j)] * (dot(dy, i, values, j) - mean);
        ofScale += logit * cosines[at(i, j)];
        result[at(i, j)] = scale * logit;
      }
    }
    return result;
  }

  int64_t pixels, d;
  double scale;
  std::vector<double> queries, keys, values;  // channel by channel
  std::vector<double> cosines, weights;
};

struct Case {
  Shape shape;
  int64_t heads;
  bool one;  // scale for all heads

  int64_t size() const { return shape.channels / heads; }
  double scale(int64_t h) const { return static_cast<double>(kScales[static_cast<size_t>(one ? 0 : h)]); }
  Layout layout() const { return {(shape.channels + 7) / 8 * 8}; }
  CrossCovarianceAttention op() const { return {heads, 1e-12f, "scale"}; }
};

struct Inputs {
  Inputs(DType in, const Case& item)
      : q(TestView::random(in, kCount, item.shape, item.layout(), 1)),
        k(TestView::random(in, kCount, item.shape, item.layout(), 2)),
        v(TestView::random(in, kCount, item.shape, item.layout(), 3)) {
    for (int64_t n = 0; n < kCount; ++n)
      for (int64_t h = 0; h < item.heads; ++h)
        made.emplace_back(q, k, v, item.shape, n, h * item.size(), item.size(), item.scale(h));
  }
  TestView q, k, v;
  std::vector<Head> made;
};

const std::vector<Case> kCases{
    {{4, 5, 40}, 4, false}, {{3, 2, 35}, 1, true}, {{2, 2, 5}, 5, false}, {{1, 1, 6}, 2, true}};

void checkForward(DType in, DType out, const Case& item) {
  const Inputs x(in, item);
  TestView y = TestView::untouched(out, kCount, item.shape, item.layout());
  const auto scale = onDevice(kScales);
  const auto scratch = memoryOf(facenet::cuda::attentionScratch(item.op(), kCount, item.shape));
  facenet::cuda::attention(item.op(), HeadScale{scale.data(), item.one}, x.q.view(), x.k.view(), x.v.view(),
                           y.view(), scratch.data(), nullptr);
  y.check(
      "cross_covariance_attention",
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        const Head& head = x.made[static_cast<size_t>(n * item.heads + c / item.size())];
        return head.output(c % item.size(), row * item.shape.width + column);
      },
      [&](double expected) { return std::abs(expected) * rounding(out) + 4e-6; });
}

void checkBackward(DType in, DType out, const Case& item, bool accumulate) {
  const Inputs x(in, item);
  const TestView dy = TestView::random(out, kCount, item.shape, item.layout(), 4);
  GradientView dq(in, kCount, item.shape, item.layout(), accumulate);
  GradientView dk(in, kCount, item.shape, item.layout(), accumulate);
  GradientView dv(in, kCount, item.shape, item.layout(), accumulate);
  const auto scale = onDevice(kScales);
  auto dscale = onDevice(std::vector<float>(kScales.size(), 1));
  const auto scratch = memoryOf(facenet::cuda::attentionGradientScratch(item.op(), kCount, item.shape));
  facenet::cuda::attentionGradient(
      item.op(), HeadScale{scale.data(), item.one}, x.q.view(), x.k.view(), x.v.view(), dy.view(),
      {{dq.view(), accumulate}, {dk.view(), accumulate}, {dv.view(), accumulate}, dscale.data()},
      scratch.data(), nullptr);

  Batch64 forQ(kCount, item.shape), forK(kCount, item.shape), forV(kCount, item.shape);
  std::vector<double> ofScale(kScales.size(), 1);
  const int64_t d = item.size(), width = item.shape.width;
  for (int64_t n = 0; n < kCount; ++n)
    for (int64_t h = 0; h < item.heads; ++h) {
      const Head& head = x.made[static_cast<size_t>(n * item.heads + h)];
      std::vector<double> ofY;
      for (int64_t c = 0; c < d; ++c)
        for (int64_t p = 0; p < head.pixels; ++p) ofY.push_back(dy.at(n, p / width, p % width, h * d + c));
      const auto cosines = head.cosineGradients(ofY, ofScale[static_cast<size_t>(item.one ? 0 : h)]);
      for (int64_t p = 0; p < head.pixels; ++p)
        for (int64_t i = 0; i < d; ++i)
          for (int64_t j = 0; j < d; ++j) {
            const double gradient = cosines[head.at(i, j)], cosine = head.cosines[head.at(i, j)];
            const double ofQuery = head.length(head.queries, i), ofKey = head.length(head.keys, j);
            const double query = head.value(head.queries, i, p) / ofQuery;
            const double key = head.value(head.keys, j, p) / ofKey;
            forQ.at(n, p / width, p % width, h * d + i) += gradient * (key - query * cosine) / ofQuery;
            forK.at(n, p / width, p % width, h * d + j) += gradient * (query - key * cosine) / ofKey;
            forV.at(n, p / width, p % width, h * d + j) +=
                head.weights[head.at(i, j)] * head.value(ofY, i, p);
          }
    }
  const auto check = [&](GradientView& gradient, const char* what, Batch64& expected) {
    gradient.check(
        what,
        [&](int64_t n, int64_t row, int64_t column, int64_t c) { return expected.at(n, row, column, c); },
        1e-5);
  };
  check(dq, "the gradient of queries", forQ);
  check(dk, "the gradient of keys", forK);
  check(dv, "the gradient of values", forV);
  std::vector<float> found(kScales.size());
  dscale.copyTo(found.data());
  for (size_t h = 0; h < found.size(); ++h)
    expect(std::abs(static_cast<double>(found[h]) - ofScale[h]) <= 1e-5 * (1 + std::abs(ofScale[h])),
           "the gradient of scale ", h, ": ", found[h], " for ", ofScale[h]);
}

TEST("cross_covariance_attention in every type, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      for (const Case& item : kCases) checkForward(in, out, item);
    });
  });
}

TEST("gradients of cross_covariance_attention in every type, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType in, DType out) {
      for (const Case& item : kCases) checkBackward(in, out, item, item.one);
    });
  });
}

TEST("cross_covariance_attention makes the gradients that are wanted, and no others") {
  const Case item{{2, 3, 8}, 2, false};
  const Inputs x(DType::f32, item);
  const TestView dy = TestView::random(DType::f32, kCount, item.shape, item.layout(), 4);
  TestView dv = TestView::untouched(DType::f32, kCount, item.shape, item.layout());
  const auto scale = onDevice(kScales);
  const auto scratch = memoryOf(facenet::cuda::attentionGradientScratch(item.op(), kCount, item.shape));
  View none = dv.view();
  none.data = nullptr;
  facenet::cuda::attentionGradient(
      item.op(), HeadScale{scale.data(), false}, x.q.view(), x.k.view(), x.v.view(), dy.view(),
      {{none, false}, {none, false}, {dv.view(), false}, nullptr}, scratch.data(), nullptr);
  dv.check(
      "the gradient of values alone",
      [&](int64_t n, int64_t row, int64_t column, int64_t c) {
        const Head& head = x.made[static_cast<size_t>(n * item.heads + c / item.size())];
        double sum = 0;
        for (int64_t i = 0; i < item.size(); ++i)
          sum += head.weights[head.at(i, c % item.size())] *
                 dy.at(n, row, column, c / item.size() * item.size() + i);
        return sum;
      },
      [](double expected) { return std::abs(expected) * 1e-6 + 1e-6; });
}

}  // namespace
}  // namespace emulator::tests
