#include "native/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "native/train/put_back.h"

namespace facenet::train {
namespace {

constexpr auto floatBytes = static_cast<int64_t>(sizeof(float));

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::shared_ptr<void> zeros(const TrainingBackend& backend, int64_t elements) {
  const auto memory = backend.allocate(elements * floatBytes);
  backend.zero(memory.get(), elements * floatBytes);
  return memory;
}

// Up to a last normalisation, where the loss looks at lengths and normalises itself.
Graph trainedPart(Graph graph, const Loss& loss) {
  const auto last = std::ranges::find(graph.nodes, graph.outputs.front(), &Node::name);
  if (loss.needsLength() && last != graph.nodes.end() && std::holds_alternative<L2Normalize>(last->op))
    graph.outputs = {last->inputs.front()};
  return graph;
}

TrainingPlan planFor(const Graph& graph, const TrainerOptions& options, const TrainingBackend& backend) {
  TrainingPlanOptions planned = options.plan;
  backend.complete(planned);
  return makeTrainingPlan(trainedPart(graph, options.batch.loss), planned);
}

std::vector<ExtraTensor> lossTensors(const Loss& loss, const TrainingPlan& plan) {
  const int64_t dimensions = plan.forward.tensors[static_cast<size_t>(plan.output())].shape.elements();
  std::vector<ExtraTensor> tensors;
  if (loss.hasClasses()) tensors.push_back({lossClasses, {loss.numClasses, dimensions}, true});
  if (loss.kind == Loss::Kind::adaFace) tensors.push_back({lossLengths, {2}, false});
  return tensors;
}

bool isOfLoss(const std::string& name) {
  return name == lossClasses || name == lossLengths;
}

}  // namespace

Trainer::Trainer(const Graph& graph, const Weights& weights, const TrainerOptions& options,
                 std::unique_ptr<TrainingBackend> backend)
    : graph_(graph),
      backend_(std::move(backend)),
      plan_(planFor(graph, options, *backend_)),
      parameters_(collectParameters(plan_.forward, weights, lossTensors(options.batch.loss, plan_))),
      chunks_(plan_, parameters_, *backend_),
      batch_(options.batch),
      settings_(options.optimizer),
      optimizer_(backend_->makeOptimizer(settings_, trainedWeights(Frozen(options.plan.frozen), options),
                                         parameters_.trainable)),
      values_(zeros(*backend_, parameters_.elements)),
      gradients_(zeros(*backend_, parameters_.trainable)),
      statistics_(zeros(*backend_, parameters_.elements - parameters_.trainable)),
      measured_(plan_, parameters_) {
  std::vector<float> loaded(static_cast<size_t>(parameters_.elements));
  loadParameters(parameters_, weights, loaded.data());
  backend_->upload(values_.get(), loaded.data(), parameters_.elements * floatBytes);
  if (options.averageDecay > 0) average_.emplace(*backend_, parameters_, values(), options.averageDecay);
  listTensors(Frozen(options.plan.frozen));
}

Trainer::~Trainer() {
  // What the members hold is freed where it lies.
  try {
    backend_->enter();
    backend_->finish();
  } catch (const Error&) {
  }
}

namespace {

// Whether a step that reads the tensor is to leave it as it is.
bool isFrozen(const Plan& plan, const Frozen& frozen, const std::string& name) {
  return std::ranges::any_of(plan.steps, [&](const Step& step) {
    return std::ranges::any_of(tensorsOf(plan, step), [&](const OpTensor& tensor) {
      return tensor.name == name && frozen.tensor(step, name);
    });
  });
}

TensorRole roleOf(const Plan& plan, const std::string& name) {
  for (const Step& step : plan.steps)
    for (const OpTensor& tensor : tensorsOf(plan, step))
      if (tensor.name == name) return tensor.role;
  FACENET_ASSERT(false);
}

}  // namespace

std::vector<TrainedWeight> Trainer::trainedWeights(const Frozen& frozen,
                                                   const TrainerOptions& options) const {
  std::vector<TrainedWeight> result;
  for (const Parameter& parameter : parameters_.list) {
    if (!parameter.trainable || isFrozen(plan_.forward, frozen, parameter.name)) continue;
    const bool decays = options.decayAll || isOfLoss(parameter.name) ||
                        roleOf(plan_.forward, parameter.name) == TensorRole::weight;
    result.push_back({parameter.offset, parameter.elements(), decays ? options.weightDecay : 0});
  }
  return result;
}

void Trainer::listTensors(const Frozen& frozen) {
  using Kind = TrainerTensor::Kind;
  for (const Parameter& p : parameters_.list) {
    const bool still = p.trainable && isFrozen(plan_.forward, frozen, p.name);
    const Kind kind = isOfLoss(p.name) ? Kind::loss : p.trainable ? Kind::weight : Kind::statistic;
    tensors_.push_back({p.name, p.shape, kind, still, values() + p.offset});
    if (average_ && kind != Kind::loss)
      tensors_.push_back({"average/" + p.name, p.shape, Kind::average, still, average_->values() + p.offset});
    if (!p.trainable) continue;
    for (int slot = 0; slot < settings_.slots(); ++slot)
      tensors_.push_back({text("optimizer/", settings_.slotName(slot), "/", p.name), p.shape, Kind::optimizer,
                          still, optimizer_->slot(slot) + p.offset});
    tensors_.push_back({"gradient/" + p.name, p.shape, Kind::gradient, still, gradients() + p.offset});
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

void Trainer::read(const TrainerTensor& tensor, float* out) const {
  backend_->enter();
  backend_->download(out, tensor.data, tensor.elements() * floatBytes);
}

void Trainer::readModel(const TrainerTensor& tensor, float* out) const {
  if (tensor.kind != TrainerTensor::Kind::weight && tensor.kind != TrainerTensor::Kind::statistic)
    throw invalidArgument("names", "weights and statistics of the model", tensor.name);
  const Parameter& parameter = parameters_.at(tensor.name);
  backend_->enter();
  backend_->download(out, modelValues() + parameter.offset, tensor.elements() * floatBytes);
  measured_.put(parameter, out);
}

void Trainer::write(const TrainerTensor& tensor, const float* values) {
  backend_->enter();
  backend_->upload(tensor.data, values, tensor.elements() * floatBytes);
  prepared_ = false;
  model_.reset();
  measured_.clear();
}

void Trainer::begin() {
  backend_->enter();
  partial_.reset();
  model_.reset();
  if (!prepared_) chunks_.prepare(values());
  prepared_ = true;
}

Batch Trainer::batchOf(const void* images, const int32_t* labels, int64_t count) const {
  return {images, imageElements() * static_cast<int64_t>(byteSize(imageType())), labels, count};
}

PutBack Trainer::currentStatistics() {
  return {*backend_, values() + parameters_.trainable, statistics_.get(),
          (parameters_.elements - parameters_.trainable) * floatBytes};
}

void Trainer::clearGradients() {
  backend_->zero(gradients(), parameters_.trainable * floatBytes);
}

void Trainer::clearFrozenGradients() {
  for (const TrainerTensor& tensor : tensors_)
    if (tensor.kind == TrainerTensor::Kind::gradient && tensor.frozen)
      backend_->zero(tensor.data, tensor.elements() * floatBytes);
}

void Trainer::finish(StepReport& report, const StepOptions& options, PutBack& statistics) {
  if (!report.skipped()) {
    const auto start = std::chrono::steady_clock::now();
    const bool clips = options.clipNorm > 0 && report.gradientNorm > options.clipNorm;
    prepared_ = false;
    optimizer_->update(values(), gradients(), options.learningRate,
                       clips ? options.clipNorm / report.gradientNorm : 1, ++counters.updates);
    if (average_) average_->follow(values(), counters.updates);
    backend_->finish();
    statistics.keep();
    measured_.clear();
    report.seconds.optimizer = secondsSince(start);
  }
  ++counters.steps;
}

StepReport Trainer::run(const void* images, const int32_t* labels, int64_t count, const StepOptions* update,
                        const std::atomic<int32_t>* cancelled) {
  if (batch_.loss.hasClasses()) checkClassLabels(batch_.loss, labels, count);
  begin();
  StepReport report;
  report.step = counters.steps + 1;
  PutBack statistics = currentStatistics();
  clearGradients();
  Batch batch = batchOf(images, labels, count);
  if (update) batch.triplets = update->triplets, batch.targets = update->targets;
  try {
    BatchRun run(chunks_, plan_, parameters_, *backend_, rows_, batch_, cancelled);
    run.run(batch, values(), gradients(), report);
    clearFrozenGradients();
    report.gradientNorm = optimizer_->gradientNorm(gradients());
    if (!std::isfinite(report.gradientNorm)) run.findNotFinite(batch, values(), gradients());
  } catch (const Error& error) {
    throwOfStep(report.step, error);
  }
  if (update) finish(report, *update, statistics);
  return report;
}

void Trainer::embed(const void* images, int64_t count, float* out, Values of,
                    const std::atomic<int32_t>* cancelled) {
  if (!model_ || modelOf_ != of) {
    backend_->enter();
    model_.reset();
    const float* from = of == Values::model ? modelValues() : values();
    const float* values = backend_->onHost(from, parameters_.elements, modelValues_);
    if (of == Values::model && measured_.any()) {
      if (values != modelValues_.data()) modelValues_.assign(values, values + parameters_.elements);
      for (const Parameter& parameter : parameters_.list)
        measured_.put(parameter, modelValues_.data() + parameter.offset);
      values = modelValues_.data();
    }
    Weights weights;
    for (const Parameter& parameter : parameters_.list)
      weights.tensors[parameter.name] = {DType::f32, parameter.shape, values + parameter.offset};
    model_ = backend_->makeExecutor(graph_, weights);
    modelOf_ = of;
  }
  model_->run(images, count, {out}, cancelled);
}

void Trainer::measureStatistics(const void* images, int64_t count, bool anew,
                                const std::atomic<int32_t>* cancelled) {
  if (!measured_.possible())
    throw invalidArgument("images", "a network with batch normalisation that is not frozen",
                          graph_.name + ", which has none");
  backend_->enter();
  model_.reset();
  if (anew) measured_.clear();
  const int64_t bytes = parameters_.elements * floatBytes;
  const std::shared_ptr<void> trained = backend_->allocate(bytes);
  PutBack all(*backend_, values_.get(), trained.get(), bytes);
  backend_->copy(values_.get(), modelValues(), bytes);
  prepared_ = false;
  chunks_.prepare(this->values());
  const float rate = batch_.statisticsRate > 0 ? batch_.statisticsRate : 1;
  const auto imageBytes = static_cast<size_t>(imageElements()) * byteSize(imageType());
  const auto* next = static_cast<const std::byte*>(images);
  for (const int64_t size : chunkSizes(count, plan_.chunk)) {
    measured_.measure(chunks_, *backend_, this->values(), next, size, rate, cancelled);
    next += static_cast<size_t>(size) * imageBytes;
  }
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
  return floatBytes * 2 * parameters_.elements + optimizer_->memoryBytes() + chunks_.memoryBytes() +
         (average_ ? average_->memoryBytes() : 0);
}

}  // namespace facenet::train
