// Runs one chunk of a batch forward and backward. What forward leaves is kept until the next forward.
#pragma once

#include <atomic>
#include <optional>

#include "core/aligned.h"
#include "train/plan.h"

namespace facenet::train {

class ChunkExecutor {
 public:
  // The plan, the parameters and the pool outlive the executor.
  ChunkExecutor(const TrainingPlan& plan, const Parameters& parameters, TrainKernelFactory factory,
                ThreadPool& threads);

  // images: count (at most the plan's chunk) of the plan's input, not touched before the backward has run.
  // `parameters`: Parameters::elements floats. The flag is looked at between layers; non-zero stops with
  // ERR_FACENET_ABORTED.
  void forward(const void* images, int64_t count, float* parameters, float statisticsRate,
               const std::atomic<int32_t>* cancelled);

  // count x embedding, dense.
  const float* embeddings() const;

  // Adds to `gradients` (Parameters::trainable floats). With `check` it throws ERR_FACENET_NOT_FINITE that names
  // the first layer with a gradient that is not finite, in the order of the backward steps.
  void backward(const float* embeddingGradients, float* parameters, float* gradients,
                const std::atomic<int32_t>* cancelled, bool check = false);

  // The first layer whose output is not finite.
  std::optional<std::string> firstNotFinite() const;

  std::vector<std::string> describeKernels() const;
  int64_t memoryBytes()
      const;  // with chunks of the plan's size; pages that were not needed yet are not taken

 private:
  View view(const Plan& plan, unsigned char* arena, int tensor) const;
  View activation(int tensor) const { return view(plan_.forward, arena_.get(), tensor); }
  View gradient(int tensor) const { return view(plan_.gradients, gradientArena_.get(), tensor); }
  Pass passOf(size_t step, float* parameters) const;
  void clear(const Channels& channels) const;
  void checkStep(const BackwardStep& backward, const float* gradients) const;

  const TrainingPlan& plan_;
  const Parameters& parameters_;
  ThreadPool& threads_;
  std::vector<std::unique_ptr<TrainKernel>> kernels_;
  std::vector<int64_t> savedOffset_;  // of each step, and the end
  int64_t scratchBytes_ = 0;
  AlignedArray<unsigned char> arena_, gradientArena_, saved_, scratch_;

  const void* images_ = nullptr;
  int64_t count_ = 0;
};

}  // namespace facenet::train
