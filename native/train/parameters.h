// Which tensors a network is trained on, and where each lies in the one vector that holds them.
#pragma once

#include <set>

#include "native/backends/training_kernel.h"
#include "native/graph/weights.h"

namespace facenet::train {

// The tensors that a step reads.
OpTensors tensorsOf(const Plan& plan, const Step& step);

// A tensor that no step reads.
struct ExtraTensor {
  std::string name;
  std::vector<int64_t> shape;
  bool trainable;
};

// All tensors of a plan and the extra ones, with the shapes that `weights` has them in. Throws ERR_FACENET_MODEL_INVALID where one
// is missing, has another shape or is a weight in one place and a running statistic in another.
Parameters collectParameters(const Plan& plan, const Weights& weights, const std::vector<ExtraTensor>& extra);

// Copies the values of `weights` into the vector.
void loadParameters(const Parameters& parameters, const Weights& weights, float* vector);

// What is not trained: names of layers or of tensors, with `*` at the end for any ending.
class Frozen {
 public:
  explicit Frozen(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

  bool tensor(const Step& step, const std::string& name) const;
  // Whether the step has a weight that is trained.
  bool trains(const Plan& plan, const Step& step) const;
  // Whether batch normalisation keeps to its running statistics: its own scale and shift, or those, are frozen.
  bool statistics(const Plan& plan, const Step& step) const;

  // Throws ERR_FACENET_INVALID_ARGUMENT for a pattern that fits nothing, and where nothing is left to train.
  void check(const Plan& plan) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace facenet::train
