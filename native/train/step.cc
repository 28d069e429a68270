#include "train/step.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/cancel.h"

namespace facenet::train {
namespace {

class Stopwatch {
 public:
  // Since the last call, or the start.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

double squaredDistanceOf(const float* a, const float* b, int64_t dimensions) {
  float sum = 0;
  for (int64_t k = 0; k < dimensions; ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

Error notFinite(const std::string& layer) {
  return Error("ERR_FACENET_NOT_FINITE", text("The output of layer ", layer, " is not finite"), layer,
               "finite values", "NaN or infinity");
}

}  // namespace

std::vector<int64_t> chunkSizes(int64_t count, int64_t most) {
  const int64_t chunks = (count + most - 1) / most;
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < chunks; ++i) sizes.push_back(count * (i + 1) / chunks - count * i / chunks);
  return sizes;
}

void BatchRun::run(const Batch& batch, float* parameters, float* gradients, StepReport& report) {
  Stopwatch watch;
  forward(batch, parameters, report);
  report.seconds.forward = watch.lap();
  mine(batch, report);
  report.seconds.mining = watch.lap();
  if (report.triplets > 0) backward(batch, parameters, gradients, false, false);
  report.seconds.backward = watch.lap();
}

const void* BatchRun::imagesOf(const Batch& batch, size_t chunk) const {
  return static_cast<const std::byte*>(batch.images) + firsts_[chunk] * batch.imageBytes;
}

void BatchRun::forward(const Batch& batch, float* parameters, StepReport& report) {
  dimensions_ = plan_.forward.tensors[static_cast<size_t>(plan_.output())].shape.elements();
  sizes_ = report.chunks = chunkSizes(batch.count, plan_.chunk);
  embeddings_.resize(static_cast<size_t>(batch.count * dimensions_));
  int64_t first = 0;
  for (size_t i = 0; i < sizes_.size(); ++i) {
    firsts_.push_back(first);
    chunks_.forward(imagesOf(batch, i), sizes_[i], parameters, options_.statisticsRate, cancelled_);
    const float* rows = chunks_.embeddings();
    const int64_t elements = sizes_[i] * dimensions_;
    if (!std::all_of(rows, rows + elements, [](float value) { return std::isfinite(value); }))
      throw notFinite(chunks_.firstNotFinite().value_or("(unknown)"));
    std::copy_n(rows, elements, embeddings_.begin() + first * dimensions_);
    first += sizes_[i];
  }
}

void BatchRun::mine(const Batch& batch, StepReport& report) {
  if (batch.triplets) return learnFrom(*batch.triplets, batch.count, report);
  const Triplets mined =
      backend_.mine(embeddings_.data(), batch.labels, batch.count,
                    {dimensions_, options_.strategy, options_.margin, threads_.size(), cancelled_});
  learnFrom({mined.anchors.data(), mined.positives.data(), mined.negatives.data(), mined.size()}, batch.count,
            report);
}

void BatchRun::learnFrom(const TripletsView& triplets, int64_t count, StepReport& report) {
  report.triplets = triplets.count;
  if (report.triplets == 0) return;
  meanDistances(triplets, report);
  embeddingGradients_.resize(embeddings_.size());
  const LossValue value =
      backend_.loss(embeddings_.data(), count, triplets,
                    {dimensions_, options_.margin, threads_.size(), cancelled_}, embeddingGradients_.data());
  report.lossSum = value.loss;
  report.active = value.active;
  const float share = 1 / static_cast<float>(triplets.count);
  for (float& gradient : embeddingGradients_) gradient *= share;
}

// In pieces of so many triplets, added in their order.
void BatchRun::meanDistances(const TripletsView& triplets, StepReport& report) const {
  constexpr int64_t piece = 4096;
  const int64_t count = triplets.count, pieces = (count + piece - 1) / piece;
  std::vector<double> positive(static_cast<size_t>(pieces)), negative(static_cast<size_t>(pieces));
  const auto row = [&](int32_t i) { return embeddings_.data() + i * dimensions_; };
  threads_.run(pieces, [&](int64_t p, int) {
    throwIfCancelled(cancelled_);
    double near = 0, far = 0;
    for (int64_t t = p * piece; t < std::min((p + 1) * piece, count); ++t) {
      const float* anchor = row(triplets.anchors[t]);
      near += squaredDistanceOf(anchor, row(triplets.positives[t]), dimensions_);
      far += squaredDistanceOf(anchor, row(triplets.negatives[t]), dimensions_);
    }
    positive[static_cast<size_t>(p)] = near;
    negative[static_cast<size_t>(p)] = far;
  });
  for (int64_t p = 0; p < pieces; ++p) {
    report.meanPositive += positive[static_cast<size_t>(p)] / static_cast<double>(count);
    report.meanNegative += negative[static_cast<size_t>(p)] / static_cast<double>(count);
  }
}

void BatchRun::backward(const Batch& batch, float* parameters, float* gradients, bool replayLast,
                        bool check) {
  for (size_t i = sizes_.size(); i-- > 0;) {
    if (i + 1 < sizes_.size() || replayLast)
      chunks_.forward(imagesOf(batch, i), sizes_[i], parameters, 0, cancelled_);
    chunks_.backward(embeddingGradients_.data() + firsts_[i] * dimensions_, parameters, gradients, cancelled_,
                     check);
  }
}

void BatchRun::findNotFinite(const Batch& batch, float* parameters, float* gradients) {
  backward(batch, parameters, gradients, true, true);
  throw Error("ERR_FACENET_NOT_FINITE", "The norm of the gradient is not finite", "gradient", "a finite norm",
              "NaN or infinity");
}

}  // namespace facenet::train
