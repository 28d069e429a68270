// What training executes: a forward plan that keeps every activation, and the backward plan that follows from
// it.
//
// The forward plan is that of the graph without folding, since norms are trained, and with only those layers
// fused whose backward needs no more than the step's ends: relu, relu6 and residual adds. The backward steps
// are those forward steps that lie on a way from a trained weight to the embeddings, in reverse order. A tensor
// that several steps read gets its gradient from all of them, one adding to the other; an input of a concat has
// its gradient in its channels of the concat's.
#pragma once

#include "native/train/parameters.h"

namespace facenet::train {

// Channels [begin, end) of a tensor's gradient.
struct Channels {
  int tensor;
  int64_t begin, end;
};

struct BackwardStep {
  int step = 0;                                    // index of the forward step
  bool weights = false;                            // whether it has weights that are trained
  std::vector<bool> wanted = {}, accumulate = {};  // of each input's gradient: see backends/training_kernel.h
  std::vector<Channels> clear = {};  // set to zero before: read or added to, and not written so far
};

struct TrainingPlan {
  Plan forward;    // no two buffers share memory; the embeddings' is in the arena too
  Plan gradients;  // tensor i is the gradient of forward.tensors[i]. Gradients share memory.
  std::vector<BackwardStep> backward;   // gradients.steps[i + 1] says what backward[i] touches
  std::vector<bool> runningStatistics;  // of each forward step: a batch normalisation that is frozen
  int64_t chunk = 1;

  int output() const { return forward.outputs.front(); }
};

struct TrainingPlanOptions {
  std::vector<std::string> frozen;
  int64_t chunk = 0;             // images that go forward and backward together; 0: what memoryBytes holds
  int64_t memoryBytes = 0;       // of activations and gradients; 0: defaultTrainingBytes
  int64_t maxImages = 64;        // of a chunk that memoryBytes decides
  DType dtype = DType::f32;      // of activations and their gradients, but for the embeddings, which are f32
  int64_t channelAlignment = 1;  // as in PlanOptions
};
constexpr int64_t defaultTrainingBytes = int64_t{1} << 30;

// Throws ERR_FACENET_MODEL_INVALID where the graph does not hold together or has not exactly one output, and
// ERR_FACENET_INVALID_ARGUMENT for `frozen`.
TrainingPlan makeTrainingPlan(const Graph& graph, const TrainingPlanOptions& options);

// The forward plan, then a line a backward step: gradients read -> gradients written (`=`) or added to (`+=`),
// weights whose gradient it adds to, place of the gradient it reads, layers.
std::string printTrainingPlan(const TrainingPlan& plan);

}  // namespace facenet::train
