#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace facenet::train {
namespace {

AlignedArray<float> zeros(int64_t count) {
  auto values = alignedArray<float>(count);
  std::fill_n(values.get(), count, 0.0f);
  return values;
}

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The running statistics as they were, unless it is told that they are to stay as they are now.
class Statistics {
 public:
  Statistics(float* values, int64_t count) : values_(values), before_(values, values + count) {}
  ~Statistics() {
    if (!kept_) std::ranges::copy(before_, values_);
  }
  Statistics(const Statistics&) = delete;
  Statistics& operator=(const Statistics&) = delete;
  void keep() { kept_ = true; }

 private:
  float* values_;
  std::vector<float> before_;
  bool kept_ = false;
};

}  // namespace

Trainer::Trainer(const Graph& graph, const Weights& weights, const TrainerOptions& options,
                 const Backend& backend)
    : graph_(graph),
      plan_(makeTrainingPlan(graph, options.plan)),
      parameters_(collectParameters(plan_.forward, weights)),
      backend_(backend),
      threads_(options.threads),
      chunks_(plan_, parameters_, backend.kernels, threads_),
      batch_(options.batch),
      optimizer_(options.optimizer, trainedWeights(Frozen(options.plan.frozen), options),
                 parameters_.trainable, backend.optimize),
      values_(zeros(parameters_.elements)),
      gradients_(zeros(parameters_.trainable)) {
  loadParameters(parameters_, weights, values_.get());
  listTensors(Frozen(options.plan.frozen));
}

namespace {

// Whether a step that reads the tensor is to leave it as it is.
bool isFrozen(const Plan& plan, const Frozen& frozen, const std::string& name) {
  return std::ranges::any_of(plan.steps, [&](const Step& step) {
    return std::ranges::any_of(tensorsOf(plan, step), [&](const StepTensor& tensor) {
      return tensor.name == name && frozen.tensor(step, name);
    });
  });
}

Role roleOf(const Plan& plan, const std::string& name) {
  for (const Step& step : plan.steps)
    for (const StepTensor& tensor : tensorsOf(plan, step))
      if (tensor.name == name) return tensor.role;
  FACENET_ASSERT(false);
}

}  // namespace

std::vector<TrainedWeight> Trainer::trainedWeights(const Frozen& frozen,
                                                   const TrainerOptions& options) const {
  std::vector<TrainedWeight> result;
  for (const Parameter& parameter : parameters_.list) {
    if (!parameter.trainable || isFrozen(plan_.forward, frozen, parameter.name)) continue;
    const bool decays = options.decayAll || roleOf(plan_.forward, parameter.name) == Role::weight;
    result.push_back({parameter.offset, parameter.elements(), decays ? options.weightDecay : 0});
  }
  return result;
}

void Trainer::listTensors(const Frozen& frozen) {
  using Kind = TrainerTensor::Kind;
  const Optimizer& optimizer = optimizer_.options();
  for (const Parameter& p : parameters_.list) {
    const bool still = p.trainable && isFrozen(plan_.forward, frozen, p.name);
    tensors_.push_back(
        {p.name, p.shape, p.trainable ? Kind::weight : Kind::statistic, still, values_.get() + p.offset});
    if (!p.trainable) continue;
    for (int slot = 0; slot < optimizer.slots(); ++slot)
      tensors_.push_back({text("optimizer/", NetworkOptimizer::slotName(optimizer.kind, slot), "/", p.name),
                          p.shape, Kind::optimizer, still, optimizer_.slot(slot) + p.offset});
    tensors_.push_back({"gradient/" + p.name, p.shape, Kind::gradient, still, gradients_.get() + p.offset});
  }
}

const TrainerTensor& Trainer::tensor(const std::string& name) const {
  const auto found = std::ranges::find(tensors_, name, &TrainerTensor::name);
  if (found == tensors_.end()) throw invalidArgument("names", "names of the trainer's tensors", name);
  return *found;
}

StepReport Trainer::step(const void* images, const int32_t* labels, int64_t count, const StepOptions& options,
                         const std::atomic<int32_t>* cancelled) {
  return run(images, labels, count, &options, cancelled);
}

StepReport Trainer::gradient(const void* images, const int32_t* labels, int64_t count,
                             const std::atomic<int32_t>* cancelled) {
  return run(images, labels, count, nullptr, cancelled);
}

StepReport Trainer::run(const void* images, const int32_t* labels, int64_t count, const StepOptions* update,
                        const std::atomic<int32_t>* cancelled) {
  model_.reset();
  StepReport report;
  report.step = counters.steps + 1;
  Statistics statistics(values_.get() + parameters_.trainable, parameters_.elements - parameters_.trainable);
  std::fill_n(gradients_.get(), parameters_.trainable, 0.0f);
  const int64_t imageBytes = imageElements() * static_cast<int64_t>(byteSize(imageType()));
  const Batch batch{images, imageBytes, labels, count, update ? update->triplets : std::nullopt};
  try {
    BatchRun run(chunks_, plan_, backend_, threads_, batch_, cancelled);
    run.run(batch, values_.get(), gradients_.get(), report);
    for (const TrainerTensor& tensor : tensors_)
      if (tensor.kind == TrainerTensor::Kind::gradient && tensor.frozen)
        std::fill_n(tensor.data, WeightTensor{.shape = tensor.shape}.elements(), 0.0f);
    report.gradientNorm = optimizer_.gradientNorm(gradients_.get(), threads_);
    if (!std::isfinite(report.gradientNorm)) run.findNotFinite(batch, values_.get(), gradients_.get());
  } catch (const Error& error) {
    if (error.code != "ERR_FACENET_NOT_FINITE") throw;
    throw Error(error.code, text("Step ", report.step, ": ", error.what()), error.argument, error.expected,
                error.received);
  }
  if (!update) return report;

  if (!report.skipped()) {
    const auto start = std::chrono::steady_clock::now();
    const bool clips = update->clipNorm > 0 && report.gradientNorm > update->clipNorm;
    optimizer_.update(values_.get(), gradients_.get(), update->learningRate,
                      clips ? update->clipNorm / report.gradientNorm : 1, ++counters.updates, threads_);
    statistics.keep();
    report.seconds.optimizer = secondsSince(start);
  }
  ++counters.steps;
  return report;
}

void Trainer::embed(const void* images, int64_t count, float* out, const std::atomic<int32_t>* cancelled) {
  if (!model_) {
    Weights weights;
    for (const TrainerTensor& tensor : tensors_)
      if (tensor.kind == TrainerTensor::Kind::weight || tensor.kind == TrainerTensor::Kind::statistic)
        weights.tensors[tensor.name] = {DType::f32, tensor.shape, tensor.data};
    model_ = backend_.inference(makePlan(graph_, {}), weights, threads_.size());
  }
  model_->run(images, count, {out}, cancelled);
}

int64_t Trainer::imageElements() const {
  return plan_.forward.tensors[static_cast<size_t>(plan_.forward.input)].shape.elements();
}

DType Trainer::imageType() const {
  return plan_.forward.tensors[static_cast<size_t>(plan_.forward.input)].dtype;
}

int64_t Trainer::dimensions() const {
  return plan_.forward.tensors[static_cast<size_t>(plan_.output())].shape.elements();
}

int64_t Trainer::memoryBytes() const {
  const auto floats = static_cast<int64_t>(sizeof(float)) * (parameters_.elements + parameters_.trainable);
  return floats + optimizer_.memoryBytes() + chunks_.memoryBytes();
}

}  // namespace facenet::train
