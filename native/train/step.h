// The loss of a batch of any size and its gradient, in the memory of a chunk.
//
// The batch is cut into chunks as equal as they come. Each goes forward for its embeddings; triplets are mined
// among all of them; the loss gives each embedding its gradient; then each chunk goes backward, the last one at
// once and the others after they went forward again, since only one chunk's activations are kept. So the
// gradient is that of the undivided batch, but for batch normalisation, whose statistics are each chunk's own.
#pragma once

#include <optional>

#include "native/train/executor.h"

namespace facenet::train {

struct BatchOptions {
  TripletMining::Strategy strategy = TripletMining::Strategy::semiHard;
  float margin = 0.2f;
  float statisticsRate = 0.1f;  // how far one chunk moves the running statistics of batch normalisation
  Loss loss;
};

// Names of what a loss with classes keeps among the parameters.
constexpr const char *lossClasses = "loss/classes", *lossLengths = "loss/lengths";

// What embeddings of a batch are to come close to.
struct Targets {
  const float* rows;  // count x dimensions, in host memory
  double
      weight;  // of their loss, above 0 and at most 1; the other loss has the rest, and is not computed for 1
  bool directions;  // ops/target_loss.h
};

struct StepOptions {
  double learningRate = 0;
  double clipNorm = 0;  // gradients of a larger norm are scaled down to it; 0: never
  // Of the batch, to learn from. Without: those that mining selects.
  std::optional<TripletsView> triplets = {};
  std::optional<Targets> targets = {};
};

struct Seconds {
  double forward = 0, mining = 0, backward = 0, optimizer = 0;  // mining: and loss
};

struct StepReport : LossReport {
  int64_t step = 0;
  double gradientNorm = 0;      // of the mean hinge, before clipping
  std::vector<int64_t> chunks;  // images of each
  Seconds seconds;
  bool skipped() const { return triplets == 0 && targets == 0; }
};

struct Batch {
  const void* images;
  int64_t imageBytes;
  const int32_t* labels;
  int64_t count;
  std::optional<TripletsView> triplets = {};  // without: those that mining selects
  std::optional<Targets> targets = {};
};

// The embeddings of a batch that several processes have a part of, which is what the loss is of.
struct WholeBatch {
  const float* embeddings;  // count rows, in host memory
  const int32_t* labels;
  int64_t count;
  int64_t first;  // the row of this part's first image
};

// Sizes of the fewest chunks of at most `most` images that hold `count`; they differ by at most one.
std::vector<int64_t> chunkSizes(int64_t count, int64_t most);

// A batch's embeddings and their gradients, count x dimensions, in memory that is kept from step to step.
struct BatchRows {
  int64_t count = 0;  // that there is room for
  std::shared_ptr<void> embeddings, gradients;
};

// Throws the error again, with the step in what it says of numbers.
[[noreturn]] inline void throwOfStep(int64_t step, const Error& error) {
  if (error.code != ErrorCode::notFinite) throw error;
  throw Error(error.code, text("Step ", step, ": ", error.what()), error.argument, error.expected,
              error.received);
}

class BatchRun {
 public:
  BatchRun(ChunkExecutor& chunks, const TrainingPlan& plan, const Parameters& layout,
           TrainingBackend& backend, BatchRows& rows, const BatchOptions& options,
           const std::atomic<int32_t>* cancelled)
      : chunks_(chunks),
        plan_(plan),
        layout_(layout),
        backend_(backend),
        rows_(rows),
        options_(options),
        cancelled_(cancelled) {}

  // Adds the gradient of the loss to `gradients`, moves the running statistics in `parameters`
  // once and fills in the report. Without triplets, terms or targets there is no gradient. Throws ERR_FACENET_NOT_FINITE.
  void run(const Batch& batch, float* parameters, float* gradients, StepReport& report);

  // The same in two calls, for a part of a batch: the embeddings of its images, in the rows' memory; then its share of the gradient
  // of the whole batch's loss. That of class weights is the first part's alone.
  void embedPart(const Batch& part, float* parameters, StepReport& report);
  void learnPart(const Batch& part, const WholeBatch& whole, float* parameters, float* gradients,
                 StepReport& report);

  // The same backward pass again, to find the layer. Throws ERR_FACENET_NOT_FINITE.
  [[noreturn]] void findNotFinite(const Batch& batch, float* parameters, float* gradients);

 private:
  void cut(const Batch& batch);
  void makeRoom(int64_t count);
  void forward(const Batch& batch, float* parameters);
  void checkEmbeddings(const Batch& batch, float* parameters);
  void computeLoss(const Batch& batch, float* parameters, float* gradients, StepReport& report);
  void addTargets(const Batch& batch, float* gradients, StepReport& report);
  void backward(const Batch& batch, float* parameters, float* gradients, bool replayLast, bool check);
  const void* imagesOf(const Batch& batch, size_t chunk) const;
  // Of the first image of a chunk; `memory` holds a row an image.
  float* rowsOf(const std::shared_ptr<void>& memory, size_t chunk) const;

  ChunkExecutor& chunks_;
  const TrainingPlan& plan_;
  const Parameters& layout_;
  TrainingBackend& backend_;
  BatchRows& rows_;
  const BatchOptions& options_;
  const std::atomic<int32_t>* cancelled_;

  std::vector<int64_t> sizes_, firsts_;
  int64_t dimensions_ = 0;
  int64_t firstGradient_ = 0;  // the row of the first image's gradient
};

}  // namespace facenet::train
