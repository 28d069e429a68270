#include "native/train/step.h"

#include <algorithm>
#include <chrono>

#include "native/core/integers.h"
#include "native/ops/target_loss.h"

namespace facenet::train {
namespace {

constexpr auto floatBytes = static_cast<int64_t>(sizeof(float));

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

Error notFinite(const std::string& layer) {
  return Error(ErrorCode::notFinite, text("The output of layer ", layer, " is not finite"), layer,
               "finite values", "NaN or infinity");
}

}  // namespace

std::vector<int64_t> chunkSizes(int64_t count, int64_t most) {
  const int64_t chunks = ceilDivide(count, most);
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < chunks; ++i) sizes.push_back(count * (i + 1) / chunks - count * i / chunks);
  return sizes;
}

void BatchRun::run(const Batch& batch, float* parameters, float* gradients, StepReport& report) {
  embedPart(batch, parameters, report);
  Stopwatch watch;
  computeLoss(batch, parameters, gradients, report);
  report.seconds.mining = watch.lap();
  if (!report.skipped()) backward(batch, parameters, gradients, false, false);
  backend_.finish();
  report.seconds.backward = watch.lap();
}

void BatchRun::embedPart(const Batch& part, float* parameters, StepReport& report) {
  Stopwatch watch;
  cut(part);
  forward(part, parameters);
  report.chunks = sizes_;
  checkEmbeddings(part, parameters);
  report.seconds.forward = watch.lap();
}

void BatchRun::learnPart(const Batch& part, const WholeBatch& whole, float* parameters, float* gradients,
                         StepReport& report) {
  Stopwatch watch;
  cut(part);
  makeRoom(whole.count);
  backend_.upload(rows_.embeddings.get(), whole.embeddings, whole.count * dimensions_ * floatBytes);
  Batch all = part;
  all.labels = whole.labels;
  all.count = whole.count;
  computeLoss(all, parameters, gradients, report);
  report.seconds.mining = watch.lap();
  if (options_.loss.hasClasses() && whole.first > 0) {
    const Parameter& classes = layout_.at(lossClasses);
    backend_.zero(gradients + classes.offset, classes.elements() * floatBytes);
  }
  firstGradient_ = whole.first;
  if (report.triplets > 0) backward(part, parameters, gradients, false, false);
  backend_.finish();
  report.seconds.backward = watch.lap();
}

const void* BatchRun::imagesOf(const Batch& batch, size_t chunk) const {
  return static_cast<const std::byte*>(batch.images) + firsts_[chunk] * batch.imageBytes;
}

float* BatchRun::rowsOf(const std::shared_ptr<void>& memory, size_t chunk) const {
  return static_cast<float*>(memory.get()) + firsts_[chunk] * dimensions_;
}

void BatchRun::makeRoom(int64_t count) {
  if (count <= rows_.count) return;
  rows_ = {};
  rows_.embeddings = backend_.allocate(count * dimensions_ * floatBytes);
  rows_.gradients = backend_.allocate(count * dimensions_ * floatBytes);
  rows_.count = count;
}

void BatchRun::cut(const Batch& batch) {
  dimensions_ = plan_.forward.tensors[static_cast<size_t>(plan_.output())].shape.elements();
  sizes_ = chunkSizes(batch.count, plan_.chunk);
  firsts_.clear();
  int64_t first = 0;
  for (const int64_t size : sizes_) {
    firsts_.push_back(first);
    first += size;
  }
}

void BatchRun::forward(const Batch& batch, float* parameters) {
  makeRoom(batch.count);
  for (size_t i = 0; i < sizes_.size(); ++i) {
    chunks_.forward(imagesOf(batch, i), sizes_[i], parameters, options_.statisticsRate, cancelled_);
    backend_.copy(rowsOf(rows_.embeddings, i), chunks_.embeddings(), sizes_[i] * dimensions_ * floatBytes);
  }
}

void BatchRun::checkEmbeddings(const Batch& batch, float* parameters) {
  for (size_t i = 0; i < sizes_.size(); ++i) {
    if (backend_.allFinite(
            {rowsOf(rows_.embeddings, i), DType::f32, sizes_[i], {1, 1, dimensions_}, dimensions_}))
      continue;
    // Only the last chunk's activations are still there.
    chunks_.forward(imagesOf(batch, i), sizes_[i], parameters, 0, cancelled_);
    throw notFinite(chunks_.firstNotFinite().value_or("(unknown)"));
  }
}

void BatchRun::computeLoss(const Batch& batch, float* parameters, float* gradients, StepReport& report) {
  const TripletMining mining{.dimensions = dimensions_,
                             .strategy = options_.strategy,
                             .margin = options_.margin,
                             .cancel = cancelled_};
  LossTask task{static_cast<const float*>(rows_.embeddings.get()),
                batch.labels,
                batch.count,
                mining,
                batch.triplets,
                options_.loss};
  if (options_.loss.hasClasses()) {
    const int64_t offset = layout_.at(lossClasses).offset;
    task.classes = parameters + offset;
    task.classGradients = gradients + offset;
  }
  if (options_.loss.kind == Loss::Kind::adaFace) task.lengths = parameters + layout_.at(lossLengths).offset;
  const bool alone = batch.targets && batch.targets->weight == 1;
  if (!alone)
    static_cast<LossReport&>(report) = backend_.computeLoss(task, static_cast<float*>(rows_.gradients.get()));
  if (batch.targets) addTargets(batch, gradients, report);
}

// On the host: these are two numbers per embedding and image, and a step is some million.
void BatchRun::addTargets(const Batch& batch, float* gradients, StepReport& report) {
  const auto [targets, weight, directions] = *batch.targets;
  const int64_t elements = batch.count * dimensions_, bytes = elements * floatBytes;
  std::vector<float> embeddings(static_cast<size_t>(elements)), gradient(static_cast<size_t>(elements), 0);
  backend_.download(embeddings.data(), rows_.embeddings.get(), bytes);
  const auto scale = [rest = static_cast<float>(1 - weight)](float& value) { value *= rest; };
  if (report.triplets > 0) {
    backend_.download(gradient.data(), rows_.gradients.get(), bytes);
    std::ranges::for_each(gradient, scale);
    if (options_.loss.hasClasses()) {
      const Parameter& classes = layout_.at(lossClasses);
      std::vector<float> ofClasses(static_cast<size_t>(classes.elements()));
      const int64_t classBytes = classes.elements() * floatBytes;
      backend_.download(ofClasses.data(), gradients + classes.offset, classBytes);
      std::ranges::for_each(ofClasses, scale);
      backend_.upload(gradients + classes.offset, ofClasses.data(), classBytes);
    }
  }
  report.targets = batch.count;
  report.targetLoss = addTargetLoss(embeddings.data(), targets, batch.count, dimensions_, directions, weight,
                                    gradient.data());
  backend_.upload(rows_.gradients.get(), gradient.data(), bytes);
}

void BatchRun::backward(const Batch& batch, float* parameters, float* gradients, bool replayLast,
                        bool check) {
  for (size_t i = sizes_.size(); i-- > 0;) {
    if (i + 1 < sizes_.size() || replayLast)
      chunks_.forward(imagesOf(batch, i), sizes_[i], parameters, 0, cancelled_);
    chunks_.backward(rowsOf(rows_.gradients, i) + firstGradient_ * dimensions_, parameters, gradients,
                     cancelled_, check);
  }
}

void BatchRun::findNotFinite(const Batch& batch, float* parameters, float* gradients) {
  backward(batch, parameters, gradients, true, true);
  throw Error(ErrorCode::notFinite, "The norm of the gradient is not finite", "gradient", "a finite norm",
              "NaN or infinity");
}

}  // namespace facenet::train
