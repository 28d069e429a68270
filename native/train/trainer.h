// A network under training: its weights, and the steps that change them.
#pragma once

#include "ops/triplet_loss.h"
#include "train/executor.h"
#include "train/optimizer.h"
#include "train/step.h"

namespace facenet::train {

struct TrainerOptions {
  TrainingPlanOptions plan;
  Optimizer optimizer;
  float weightDecay = 0;
  bool decayAll = false;  // biases, slopes, scales and shifts too
  BatchOptions batch;
  int threads = 1;
};

// A tensor that can be read and written by name.
struct TrainerTensor {
  enum class Kind : uint8_t { weight, statistic, optimizer, gradient };
  std::string name;
  std::vector<int64_t> shape;
  Kind kind;
  bool frozen;
  float* data;
};

struct Counters {
  int64_t steps = 0;    // calls of step that have ended
  int64_t updates = 0;  // those that changed the weights
};

class Trainer {
 public:
  Trainer(const Graph& graph, const Weights& weights, const TrainerOptions& options, const Backend& backend);

  // One optimiser step on a batch of `count` images; see BatchRun for what is computed. On any error, weights,
  // statistics, optimiser and counters are as they were. ERR_FACENET_NOT_FINITE names the step and the first
  // layer where NaN or infinity turned up.
  StepReport step(const void* images, const int32_t* labels, int64_t count, const StepOptions& options,
                  const std::atomic<int32_t>* cancelled);

  // The same without the optimiser; statistics stay as they were. The gradient is left to be read.
  StepReport gradient(const void* images, const int32_t* labels, int64_t count,
                      const std::atomic<int32_t>* cancelled);

  // What a model of these weights gives, with norms folded by their running statistics. The model is made at the
  // first call after a step and dropped by the next step.
  void embed(const void* images, int64_t count, float* out, const std::atomic<int32_t>* cancelled);

  const TrainingPlan& plan() const { return plan_; }
  const std::vector<TrainerTensor>& tensors() const { return tensors_; }
  const TrainerTensor& tensor(const std::string& name) const;  // throws ERR_FACENET_INVALID_ARGUMENT
  void tensorWritten() { model_.reset(); }
  Counters counters;

  int64_t imageElements() const;
  DType imageType() const;
  int64_t dimensions() const;
  int64_t memoryBytes() const;
  std::vector<std::string> describeKernels() const { return chunks_.describeKernels(); }

 private:
  void listTensors(const Frozen& frozen);
  std::vector<TrainedWeight> trainedWeights(const Frozen& frozen, const TrainerOptions& options) const;
  StepReport run(const void* images, const int32_t* labels, int64_t count, const StepOptions* update,
                 const std::atomic<int32_t>* cancelled);

  Graph graph_;
  TrainingPlan plan_;
  Parameters parameters_;
  Backend backend_;
  ThreadPool threads_;
  ChunkExecutor chunks_;
  BatchOptions batch_;
  NetworkOptimizer optimizer_;
  AlignedArray<float> values_, gradients_;
  std::vector<TrainerTensor> tensors_;
  std::unique_ptr<Executor> model_;  // what embed runs
};

}  // namespace facenet::train
