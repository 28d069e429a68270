// A network under training: its weights, and the steps that change them.
#pragma once

#include "native/ops/loss.h"
#include "native/train/measured_statistics.h"
#include "native/train/moving_average.h"
#include "native/train/put_back.h"
#include "native/train/step.h"

namespace facenet::train {

struct TrainerOptions {
  TrainingPlanOptions plan;
  Optimizer optimizer;
  float weightDecay = 0;
  bool decayAll = false;  // biases, slopes, scales and shifts too
  BatchOptions batch;
  double averageDecay = 0;  // of the moving average of the weights, below 1; 0: there is none
};

// A tensor that can be read and written by name.
struct TrainerTensor {
  // loss: not of the model
  enum class Kind : uint8_t { weight, statistic, optimizer, gradient, loss, average };
  std::string name;
  std::vector<int64_t> shape;
  Kind kind;
  bool frozen;
  float* data;  // in the backend's memory

  int64_t elements() const { return WeightTensor{.shape = shape}.elements(); }
};

struct Counters {
  int64_t steps = 0;    // calls of step that have ended
  int64_t updates = 0;  // those that changed the weights
};

class Trainer {
 public:
  Trainer(const Graph& graph, const Weights& weights, const TrainerOptions& options,
          std::unique_ptr<TrainingBackend> backend);
  ~Trainer();

  // One optimiser step on a batch of `count` images; see BatchRun for what is computed. On any error, weights,
  // statistics, optimiser and counters are as they were. ERR_FACENET_NOT_FINITE names the step and the first
  // layer where NaN or infinity turned up.
  StepReport step(const void* images, const int32_t* labels, int64_t count, const StepOptions& options,
                  const std::atomic<int32_t>* cancelled);

  // The same without the optimiser; statistics stay as they were. The gradient is left to be read.
  StepReport gradient(const void* images, const int32_t* labels, int64_t count,
                      const std::atomic<int32_t>* cancelled);

  // A step of several processes, each with a part of the batch and the same weights. `embedPart` gives the embeddings of this
  // part, count x dimensions; `learnPart` leaves its share of the gradient to be read, added to the others' and written; `update`
  // ends the step. Errors, a new step and `abandon` leave weights and statistics as they were before `embedPart`.
  void embedPart(const void* images, int64_t count, float* embeddings, const std::atomic<int32_t>* cancelled);
  void learnPart(const void* images, int64_t count, const WholeBatch& whole,
                 const std::atomic<int32_t>* cancelled);
  StepReport update(const StepOptions& options);
  void abandon();

  // Weights and statistics of which a model is made. `model`: the moving average where there is one, with the statistics that
  // were measured since the last step, if any were. `trained`: what steps go on from.
  enum class Values : uint8_t { model, trained };

  // What a model of these values gives, with norms folded by their statistics. The model is made at the first call after a step,
  // or for other values, and dropped by the next step.
  void embed(const void* images, int64_t count, float* out, Values of, const std::atomic<int32_t>* cancelled);

  // Measures the statistics of batch normalisation on these images, with the weights of the model; `anew`: on these alone, else on
  // those of the calls before as well. What is trained stays as it is, and the next step forgets what was measured. Throws
  // ERR_FACENET_INVALID_ARGUMENT for a network that has no statistics to measure.
  void measureStatistics(const void* images, int64_t count, bool anew, const std::atomic<int32_t>* cancelled);

  const TrainingPlan& plan() const { return plan_; }
  const std::vector<TrainerTensor>& tensors() const { return tensors_; }
  const TrainerTensor& tensor(const std::string& name) const;  // throws ERR_FACENET_INVALID_ARGUMENT
  void read(const TrainerTensor& tensor, float* out) const;
  // A weight or a statistic as the model has it.
  void readModel(const TrainerTensor& tensor, float* out) const;
  void write(const TrainerTensor& tensor, const float* values);
  Counters counters;

  int64_t imageElements() const;
  DType imageType() const;
  int64_t dimensions() const;
  int64_t memoryBytes() const;
  std::vector<std::string> describeKernels() const { return chunks_.describeKernels(); }

 private:
  float* values() const { return static_cast<float*>(values_.get()); }
  float* gradients() const { return static_cast<float*>(gradients_.get()); }
  float* modelValues() const { return average_ ? average_->values() : values(); }
  void listTensors(const Frozen& frozen);
  std::vector<TrainedWeight> trainedWeights(const Frozen& frozen, const TrainerOptions& options) const;
  StepReport run(const void* images, const int32_t* labels, int64_t count, const StepOptions* update,
                 const std::atomic<int32_t>* cancelled);
  // A step of several processes between its calls.
  struct PartialStep {
    explicit PartialStep(PutBack saved) : statistics(std::move(saved)) {}
    PutBack statistics;
    StepReport report;
  };
  void begin();
  Batch batchOf(const void* images, const int32_t* labels, int64_t count) const;
  PutBack currentStatistics();
  void clearGradients();
  void clearFrozenGradients();
  void finish(StepReport& report, const StepOptions& options, PutBack& statistics);

  Graph graph_;
  std::unique_ptr<TrainingBackend> backend_;
  TrainingPlan plan_;
  Parameters parameters_;
  ChunkExecutor chunks_;
  BatchOptions batch_;
  BatchRows rows_;
  Optimizer settings_;
  std::unique_ptr<NetworkOptimizer> optimizer_;
  std::shared_ptr<void> values_, gradients_, statistics_;
  std::optional<MovingAverage> average_;
  MeasuredStatistics measured_;
  bool prepared_ = false;  // whether kernels know the weights as they are
  std::vector<TrainerTensor> tensors_;
  std::vector<float> modelValues_;
  std::unique_ptr<Executor> model_;  // what embed runs
  Values modelOf_ = Values::model;
  std::unique_ptr<PartialStep> partial_;
};

}  // namespace facenet::train
