// The loss of a batch of any size and its gradient, in the memory of a chunk.
//
// The batch is cut into chunks as equal as they come. Each goes forward for its embeddings; triplets are mined
// among all of them; the loss gives each embedding its gradient; then each chunk goes backward, the last one at
// once and the others after they went forward again, since only one chunk's activations are kept. So the
// gradient is that of the undivided batch, but for batch normalisation, whose statistics are each chunk's own.
#pragma once

#include <optional>

#include "graph/executor.h"
#include "ops/triplet_loss.h"
#include "train/executor.h"
#include "train/optimizer.h"

namespace facenet::train {

// What runs a step, all of one device.
struct Backend {
  TrainKernelFactory kernels = nullptr;
  std::unique_ptr<Executor> (*inference)(Plan plan, const Weights& weights, int threads) = nullptr;
  decltype(&reference::mineTriplets) mine = nullptr;
  decltype(&reference::tripletLoss) loss = nullptr;
  Optimize optimize = nullptr;
};

struct BatchOptions {
  TripletMining::Strategy strategy = TripletMining::Strategy::semiHard;
  float margin = 0.2f;
  float statisticsRate = 0.1f;  // how far one chunk moves the running statistics of batch normalisation
};

struct StepOptions {
  double learningRate = 0;
  double clipNorm = 0;  // gradients of a larger norm are scaled down to it; 0: never
  // Of the batch, to learn from. Without: those that mining selects.
  std::optional<TripletsView> triplets = {};
};

struct Seconds {
  double forward = 0, mining = 0, backward = 0, optimizer = 0;  // mining: and loss
};

struct StepReport {
  int64_t step = 0;
  double lossSum = 0;  // of the triplets' hinges
  int64_t triplets = 0, active = 0;
  double meanPositive = 0, meanNegative = 0;  // squared distances of the triplets
  double gradientNorm = 0;                    // of the mean hinge, before clipping
  std::vector<int64_t> chunks;                // images of each
  Seconds seconds;
  bool skipped() const { return triplets == 0; }
};

struct Batch {
  const void* images;
  int64_t imageBytes;
  const int32_t* labels;
  int64_t count;
  std::optional<TripletsView> triplets = {};  // without: those that mining selects
};

// Sizes of the fewest chunks of at most `most` images that hold `count`; they differ by at most one.
std::vector<int64_t> chunkSizes(int64_t count, int64_t most);

class BatchRun {
 public:
  BatchRun(ChunkExecutor& chunks, const TrainingPlan& plan, const Backend& backend, ThreadPool& threads,
           const BatchOptions& options, const std::atomic<int32_t>* cancelled)
      : chunks_(chunks),
        plan_(plan),
        backend_(backend),
        threads_(threads),
        options_(options),
        cancelled_(cancelled) {}

  // Adds the gradient of the triplets' mean hinge to `gradients`, moves the running statistics in `parameters`
  // once and fills in the report. Without triplets there is no gradient. Throws ERR_FACENET_NOT_FINITE.
  void run(const Batch& batch, float* parameters, float* gradients, StepReport& report);

  // The same backward pass again, to find the layer. Throws ERR_FACENET_NOT_FINITE.
  [[noreturn]] void findNotFinite(const Batch& batch, float* parameters, float* gradients);

 private:
  void forward(const Batch& batch, float* parameters, StepReport& report);
  void mine(const Batch& batch, StepReport& report);
  void learnFrom(const TripletsView& triplets, int64_t count, StepReport& report);
  void backward(const Batch& batch, float* parameters, float* gradients, bool replayLast, bool check);
  const void* imagesOf(const Batch& batch, size_t chunk) const;
  void meanDistances(const TripletsView& triplets, StepReport& report) const;

  ChunkExecutor& chunks_;
  const TrainingPlan& plan_;
  const Backend& backend_;
  ThreadPool& threads_;
  const BatchOptions& options_;
  const std::atomic<int32_t>* cancelled_;

  std::vector<int64_t> sizes_, firsts_;
  int64_t dimensions_ = 0;
  std::vector<float> embeddings_, embeddingGradients_;  // count x dimensions
};

}  // namespace facenet::train
