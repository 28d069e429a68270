// Runs one chunk of a batch forward and backward. What forward leaves is kept until the next forward.
#pragma once

#include <atomic>
#include <optional>

#include "native/backends/training_backend.h"

namespace facenet::train {

class ChunkExecutor {
 public:
  // The plan, the parameters and the backend outlive the executor.
  ChunkExecutor(const TrainingPlan& plan, const Parameters& parameters, TrainingBackend& backend);

  // Before forward, whenever weights have changed. `parameters`: Parameters::elements floats in the backend's
  // memory, as gradients are.
  void prepare(float* parameters);

  // images: count (at most the plan's chunk) of the plan's input, in host memory that is not touched before the
  // backward has run. The flag is looked at between layers; non-zero stops with ERR_FACENET_ABORTED.
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
  View view(const Plan& plan, const std::shared_ptr<void>& arena, int tensor) const;
  View activation(int tensor) const { return view(plan_.forward, arena_, tensor); }
  View gradient(int tensor) const { return view(plan_.gradients, gradientArena_, tensor); }
  Pass passOf(size_t step, float* parameters) const;
  void runStep(const BackwardStep& backward, float* parameters, float* gradients) const;
  void checkFinite(const std::string& layer, const std::string& what, const View& values) const;
  void checkStep(const BackwardStep& backward, float* gradients) const;

  const TrainingPlan& plan_;
  const Parameters& parameters_;
  TrainingBackend& backend_;
  std::vector<std::unique_ptr<TrainKernel>> kernels_;
  std::vector<int64_t> savedOffset_, preparedOffset_;  // of each step, and the end
  int64_t scratchBytes_ = 0;
  std::shared_ptr<void> arena_, gradientArena_, saved_, prepared_, scratch_;

  const void* images_ = nullptr;
  int64_t count_ = 0;
};

}  // namespace facenet::train
