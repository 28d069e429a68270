#include <cmath>

#include "native/backends/cuda/embedding_loss_run.h"
#include "native/backends/reference/backend.h"
#include "triplets.h"

namespace emulator::tests {
namespace {

using facenet::BatchLoss;
using facenet::Loss;
using facenet::LossBatch;
using facenet::cuda::DeviceBuffer;
using Kind = Loss::Kind;

// Defaults of lib/embeddings/losses.ts where the kind has such an option.
Loss lossOf(Kind kind, int64_t classes) {
  Loss loss{.kind = kind};
  if (loss.hasClasses()) loss.numClasses = classes;
  switch (kind) {
    case Kind::arcFace: loss.margin = 28.6, loss.scale = 64; break;
    case Kind::cosFace: loss.margin = 0.35, loss.scale = 64; break;
    case Kind::sphereFace: loss.margin = 4, loss.scale = 1; break;
    case Kind::adaFace: loss.margin = 0.4, loss.scale = 64, loss.h = 0.333, loss.tAlpha = 0.01; break;
    case Kind::ntXent: loss.temperature = 0.07; break;
    case Kind::multiSimilarity: loss.alpha = 2, loss.beta = 50, loss.base = 0.5, loss.epsilon = 0.1; break;
    default: loss.margin = 0.1, loss.alpha = 32; break;
  }
  return loss;
}

// In proportion to the largest: a logit of 64 is rounded by 4e-6, and so is what follows of it.
void expectNear(const std::vector<float>& found, const std::vector<float>& expected,
                const std::string& what) {
  float most = 0;
  for (const float value : expected) most = std::max(most, std::abs(value));
  for (size_t i = 0; i < expected.size(); ++i)
    expect(std::abs(found[i] - expected[i]) <= 2e-5f * most, what, ", element ", i, ": ", found[i], ", not ",
           expected[i]);
}

// `times` on the same memory.
void check(Kind kind, int64_t n, int64_t dimensions, int64_t classes, int labels, unsigned seed,
           int times = 1) {
  const Loss loss = lossOf(kind, classes);
  LabelledRows rows = labelledRows(n, dimensions, labels, 0, seed);
  for (int32_t& label : rows.labels) ++label;
  const std::string what = facenet::text("loss ", static_cast<int>(kind), " of ", n, " x ", dimensions);
  const auto weights = randomValues(static_cast<size_t>(loss.numClasses * dimensions), seed + 1);
  float lengths[2] = {20, 100}, expectedLengths[2] = {20, 100};
  LossBatch batch{.x = rows.x.data(),
                  .labels = rows.labels.data(),
                  .n = n,
                  .dimensions = dimensions,
                  .classes = weights.data(),
                  .lengths = expectedLengths};
  std::vector<float> expected(rows.x.size()), expectedClasses(weights.size());
  const BatchLoss of =
      facenet::reference::embeddingLoss(loss, batch, {expected.data(), expectedClasses.data()});

  const auto x = onDevice(rows.x), onClasses = onDevice(weights);
  const DeviceBuffer<float> gradient(x.count()), classGradient(onClasses.count());
  batch.x = x.data(), batch.classes = onClasses.data(), batch.lengths = lengths;
  facenet::cuda::EmbeddingLossRun run;
  for (int time = 0; time < times; ++time) {
    lengths[0] = 20, lengths[1] = 100;
    const BatchLoss found = run.run(loss, batch, {gradient.data(), classGradient.data()}, nullptr);
    expect(std::abs(found.loss - of.loss) <= 2e-5 * of.loss, what, ": a loss of ", found.loss, ", not ",
           of.loss);
    expect(found.terms == of.terms && found.active == of.active, what, ": ", found.terms, " terms, ",
           found.active, " active, not ", of.terms, " and ", of.active);
    expect(std::abs(found.meanPositive - of.meanPositive) <= 1e-5, what, ": positives at ",
           found.meanPositive);
    expect(std::abs(found.meanNegative - of.meanNegative) <= 1e-5, what, ": negatives at ",
           found.meanNegative);
    expectNear(onHost(gradient), expected, what);
    expectNear(onHost(classGradient), expectedClasses, what + ", classes");
    for (int i = 0; i < 2; ++i)
      expect(std::abs(lengths[i] - expectedLengths[i]) <= 1e-5f * expectedLengths[i], what, ": lengths");
  }
}

constexpr Kind kKinds[] = {Kind::ntXent,  Kind::multiSimilarity, Kind::arcFace,    Kind::cosFace,
                           Kind::adaFace, Kind::sphereFace,      Kind::proxyAnchor};

TEST("losses of embeddings and their gradients are the reference's, in every order") {
  inEveryOrder([] {
    for (const Kind kind : kKinds) check(kind, 24, 10, 7, 7, 1, 2);
  });
}

TEST("losses of rows longer than a block of threads") {
  for (const Kind kind : {Kind::arcFace, Kind::adaFace, Kind::sphereFace}) check(kind, 20, 20, 260, 60, 2);
  for (const Kind kind : {Kind::ntXent, Kind::multiSimilarity, Kind::proxyAnchor})
    check(kind, 260, 9, 20, 20, 2);
}

TEST("losses where there is nothing to compare, or a single class") {
  for (const Kind kind : kKinds) {
    check(kind, 0, 8, 3, 1, 3);
    check(kind, 1, 8, 3, 1, 3);
    check(kind, 6, 8, 1, 1, 3);
    check(kind, 6, 8, 50, 50, 4);
  }
}

}  // namespace
}  // namespace emulator::tests
