// Where a trainer's vectors and activations lie, and what works on them there.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "native/backends/training_kernel.h"
#include "native/graph/executor.h"
#include "native/ops/loss.h"
#include "native/ops/triplet_loss.h"
#include "native/train/loss_report.h"
#include "native/train/optimizer.h"
#include "native/train/plan.h"

namespace facenet::train {

// Embeddings that triplets are selected among.
struct LossTask {
  const float* embeddings;  // count x mining.dimensions, in the backend's memory
  const int32_t* labels;    // count, in host memory
  int64_t count;
  TripletMining mining;
  std::optional<TripletsView> triplets;  // to learn from instead of those that mining selects
  const Loss& loss;
  // Of a loss with classes, in the backend's memory: numClasses x dimensions, and what adds to their gradients.
  const float* classes = nullptr;
  float* classGradients = nullptr;
  float* lengths = nullptr;  // adaFace: its running statistics, in the backend's memory
};

// Of losses other than that of triplets.
inline LossBatch batchOf(const LossTask& task) {
  return {.x = task.embeddings,
          .labels = task.labels,
          .n = task.count,
          .dimensions = task.mining.dimensions,
          .classes = task.classes,
          .lengths = task.lengths,
          .cancel = task.mining.cancel};
}
inline LossReport reportOf(const BatchLoss& found) {
  return {found.terms, found.active, found.loss * static_cast<double>(found.terms), found.meanPositive,
          found.meanNegative};
}

// One for each trainer. Memory is the backend's own unless it is said to be the host's. Work may be asynchronous:
// it is done in the order in which it was asked for, and waited for where a result comes to the host.
class TrainingBackend {
 public:
  virtual ~TrainingBackend() = default;

  // Called first by every method of a trainer, which may be on any thread.
  virtual void enter() const {}
  // Waits for all work.
  virtual void finish() const {}

  // What a plan has to keep to here, and the memory of a chunk where the caller has not said it.
  virtual void complete(TrainingPlanOptions& options) const = 0;

  // On a boundary of 64 bytes, on CUDA of 256; not initialised.
  virtual std::shared_ptr<void> allocate(int64_t bytes) const = 0;
  virtual void zero(void* memory, int64_t bytes) const = 0;
  virtual void copy(void* to, const void* from, int64_t bytes) const = 0;
  virtual void upload(void* to, const void* host, int64_t bytes) const = 0;
  virtual void download(void* host, const void* from, int64_t bytes) const = 0;
  // Zeros channels [begin, end) of every pixel.
  virtual void clear(const View& view, int64_t begin, int64_t end) const = 0;
  virtual bool allFinite(const View& view) const = 0;
  // Images of the host, where kernels can read them until the next call.
  virtual const void* stageImages(const void* images, int64_t bytes) = 0;

  virtual std::unique_ptr<TrainKernel> makeKernel(const TrainContext& context) const = 0;
  virtual void setResources(Pass& pass) const = 0;  // with threads or a stream

  // Runs a part of a chunk's work on the images staged last. The same part of as many images is the same calls of
  // kernels with the same memory, so that a backend may record them once and replay them. `work` is told whether
  // it is recorded: then it puts its calls and nothing else.
  enum class Part : uint8_t { forward, forwardAgain, backward };
  virtual void run(Part part, int64_t count, const std::function<void(bool recording)>& work) = 0;

  // `gradient`, count x dimensions, gets that of the loss; for triplets that of their mean hinge: the gradient of
  // ops/triplet_loss.h times 1 / triplets, in fp32. Without triplets, or terms, it is left alone.
  virtual LossReport computeLoss(const LossTask& task, float* gradient) = 0;

  virtual std::unique_ptr<NetworkOptimizer> makeOptimizer(const Optimizer& optimizer,
                                                          const std::vector<TrainedWeight>& weights,
                                                          int64_t elements) = 0;

  // Runs a model of these weights, the host's; the executor may go on reading them.
  virtual std::unique_ptr<Executor> makeExecutor(const Graph& graph, const Weights& weights) const = 0;
  // `values` in host memory: themselves, or copied to `room`.
  virtual const float* onHost(const float* values, int64_t count, std::vector<float>& room) const = 0;
};

}  // namespace facenet::train
