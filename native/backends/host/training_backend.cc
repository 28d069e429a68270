// Training in host memory, with kernels of the CPU or the reference backend.
#include "native/backends/training_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "native/backends/host/executor.h"
#include "native/backends/host/optimizer.h"
#include "native/core/aligned.h"
#include "native/core/integers.h"

namespace facenet {
namespace {

// body(first element of a pixel) for each pixel of all images.
template <class Body>
void forEachPixel(const View& view, Body body) {
  for (int64_t pixel = 0; pixel < view.count * view.shape.pixels(); ++pixel)
    body(view.as<float>() + pixel * view.pixelStride);
}

double squaredDistanceOf(const float* a, const float* b, int64_t dimensions) {
  float sum = 0;
  for (int64_t k = 0; k < dimensions; ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

class HostTrainingBackend final : public train::TrainingBackend {
 public:
  HostTrainingBackend(const HostBackend& backend, DType products, int threads)
      : backend_(backend), products_(products), threads_(threads) {}

  // Activations and gradients are fp32 in either type.
  void complete(train::TrainingPlanOptions& options) const override {
    if (options.dtype != DType::f32 && options.dtype != DType::bf16)
      throw invalidArgument("dtype", "f32 or bf16", dtypeName(options.dtype));
    options.dtype = DType::f32;
  }

  std::shared_ptr<void> allocate(int64_t bytes) const override {
    return std::shared_ptr<char[]>(alignedArray<char>(bytes));
  }
  void zero(void* memory, int64_t bytes) const override {
    std::memset(memory, 0, static_cast<size_t>(bytes));
  }
  void copy(void* to, const void* from, int64_t bytes) const override {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
  void upload(void* to, const void* host, int64_t bytes) const override { copy(to, host, bytes); }
  void download(void* host, const void* from, int64_t bytes) const override { copy(host, from, bytes); }
  void clear(const View& view, int64_t begin, int64_t end) const override {
    forEachPixel(view, [&](float* pixel) { std::fill(pixel + begin, pixel + end, 0.0f); });
  }
  bool allFinite(const View& view) const override {
    bool finite = true;
    forEachPixel(view, [&](const float* pixel) {
      finite =
          finite && std::all_of(pixel, pixel + view.shape.channels, [](float v) { return std::isfinite(v); });
    });
    return finite;
  }
  const void* stageImages(const void* images, int64_t) override { return images; }

  std::unique_ptr<train::TrainKernel> makeKernel(const train::TrainContext& context) const override {
    train::TrainContext typed = context;
    typed.products = products_;
    return backend_.makeTrainKernel(typed);
  }
  void setResources(train::Pass& pass) const override { pass.threads = &threads_; }
  void run(Part, int64_t, const std::function<void(bool)>& work) override { work(false); }

  train::LossReport computeLoss(const train::LossTask& task, float* gradient) override {
    if (task.loss.kind != Loss::Kind::triplet) return embeddingLoss(task, gradient);
    if (task.triplets) return lossOf(*task.triplets, task, gradient);
    TripletMining mining = task.mining;
    mining.threads = threads_.size();
    const Triplets mined = backend_.mineTriplets(task.embeddings, task.labels, task.count, mining);
    return lossOf({mined.anchors.data(), mined.positives.data(), mined.negatives.data(), mined.size()}, task,
                  gradient);
  }

  std::unique_ptr<train::NetworkOptimizer> makeOptimizer(const Optimizer& optimizer,
                                                         const std::vector<train::TrainedWeight>& weights,
                                                         int64_t elements) override {
    return std::make_unique<HostOptimizer>(optimizer, weights, elements, backend_, threads_);
  }

  std::unique_ptr<Executor> makeExecutor(const Graph& graph, const Weights& weights) const override {
    return backend_.makeExecutor(graph, {}, weights, threads_.size());
  }
  const float* onHost(const float* values, int64_t, std::vector<float>&) const override { return values; }

 private:
  train::LossReport embeddingLoss(const train::LossTask& task, float* gradient) {
    LossBatch batch = train::batchOf(task);
    batch.threads = threads_.size();
    return train::reportOf(backend_.embeddingLoss(task.loss, batch, {gradient, task.classGradients}));
  }

  train::LossReport lossOf(const TripletsView& triplets, const train::LossTask& task, float* gradient) {
    train::LossReport result{.triplets = triplets.count};
    if (triplets.count == 0) return result;
    addMeanDistances(triplets, task, result);
    const int64_t dimensions = task.mining.dimensions;
    const LossValue value =
        backend_.tripletLoss(task.embeddings, task.count, triplets,
                             {dimensions, task.mining.margin, threads_.size(), task.mining.cancel}, gradient);
    result.lossSum = value.loss;
    result.active = value.active;
    const float share = 1 / static_cast<float>(triplets.count);
    for (int64_t i = 0; i < task.count * dimensions; ++i) gradient[i] *= share;
    return result;
  }

  // In pieces of so many triplets, added in their order.
  void addMeanDistances(const TripletsView& triplets, const train::LossTask& task,
                        train::LossReport& result) {
    constexpr int64_t piece = 4096;
    const int64_t count = triplets.count, pieces = ceilDivide(count, piece);
    const int64_t dimensions = task.mining.dimensions;
    std::vector<double> positive(static_cast<size_t>(pieces)), negative(static_cast<size_t>(pieces));
    const auto row = [&](int32_t i) { return task.embeddings + i * dimensions; };
    threads_.run(pieces, [&](int64_t p, int) {
      task.mining.throwIfCancelled();
      double near = 0, far = 0;
      for (int64_t t = p * piece; t < std::min((p + 1) * piece, count); ++t) {
        const float* anchor = row(triplets.anchors[t]);
        near += squaredDistanceOf(anchor, row(triplets.positives[t]), dimensions);
        far += squaredDistanceOf(anchor, row(triplets.negatives[t]), dimensions);
      }
      positive[static_cast<size_t>(p)] = near;
      negative[static_cast<size_t>(p)] = far;
    });
    for (int64_t p = 0; p < pieces; ++p) {
      result.meanPositive += positive[static_cast<size_t>(p)] / static_cast<double>(count);
      result.meanNegative += negative[static_cast<size_t>(p)] / static_cast<double>(count);
    }
  }

  const HostBackend& backend_;
  DType products_;
  mutable ThreadPool threads_;
};

}  // namespace

std::unique_ptr<train::TrainingBackend> HostBackend::makeTrainingBackend(DType dtype, int threads) const {
  return std::make_unique<HostTrainingBackend>(*this, dtype, threads);
}

}  // namespace facenet
